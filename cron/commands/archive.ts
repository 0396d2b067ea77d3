import { parseSeries } from "@/domain/klines/series_ref.ts";
import type { Counts } from "@/domain/ports/installation.ts";
import { type CommandSpec, findTime } from "./arguments.ts";
import type { Command } from "./command.ts";
import { count, formatBytes } from "./sentences.ts";

const spec: CommandSpec = {
  name: "archive",
  summary: "give ended periods their files and drop rows that are old enough",
  positionals: [],
  options: {
    series: { value: "<series>", help: "only these, separated by commas (default: all)" },
    before: { value: "<time>", help: "only periods that end before this" },
    "dry-run": { help: "tell what would be done, and do nothing" },
  },
};

/** The command `archive`: what the daily job does, by hand. */
export const archive: Command = {
  spec,
  async run(args, context) {
    const texts = args.find("series")?.split(",").map((text) => text.trim()) ?? [];
    const series = texts.filter((text) => text !== "").map(parseSeries);
    const before = findTime(spec, args, "before");
    const dryRun = args.given("dry-run");
    const installation = await context.open();
    const counts = await installation.archive({ series, before, dryRun }, context);
    return { lines: dryRun ? planned(counts) : moved(counts), facts: counts };
  },
};

function planned(counts: Counts): string[] {
  const of = numbersOf(counts);
  return [
    `Would file ${count(of("periodsToFile"), "period")} with ${
      count(of("rowsToFile"), "candle")
    } and drop ${count(of("rowsToDrop"), "row")}.`,
  ];
}

function moved(counts: Counts): string[] {
  const of = numbersOf(counts);
  const [rows, before, after] = [of("rowsFiled"), of("bytesBefore"), of("bytesAfter")];
  const perCandle = rows === 0 ? "" : ` (${(after / rows).toFixed(1)} bytes a candle)`;
  const filed = rows === 0
    ? "No period was due for its file."
    : `Filed ${count(of("periodsFiled"), "period")} with ${count(rows, "candle")}: ` +
      `${formatBytes(before)} of rows are ${formatBytes(after)} of files${perCandle}.`;
  return [filed, `Dropped ${count(of("rowsDropped"), "row")}.`];
}

/** A running installation answers in the names of its API. */
function numbersOf(counts: Counts): (name: string) => number {
  return (name) => {
    const value = counts[name] ?? counts[name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)];
    return typeof value === "number" ? value : 0;
  };
}
