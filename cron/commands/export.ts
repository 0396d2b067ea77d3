import { Refusal } from "@/domain/decider.ts";
import { formatSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { type Interval, slotStart } from "@/domain/klines/interval.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { monthStart, nextMonth } from "@/domain/klines/vision_files.ts";
import type { HeldSeries, Installation } from "@/domain/ports/installation.ts";
import type { ResultFile } from "@/domain/ports/local_files.ts";
import {
  type Arguments,
  type CommandSpec,
  findTime,
  refuse,
  requireSeries,
  requireText,
} from "./arguments.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { createCsvWriter, createFreqtradeWriter, type PageWriter } from "./export_text.ts";
import { exportVision, type VisionExport } from "./export_vision.ts";
import { count, formatBytes, isoTime } from "./sentences.ts";

const FORMATS = ["csv", "parquet", "freqtrade"] as const;
type Format = typeof FORMATS[number];

/** How names end, and whether their files may be packed. */
const NAMES: ReadonlyMap<string, Format> = new Map([
  ["csv", "csv"],
  ["csv.gz", "csv"],
  ["parquet", "parquet"],
  ["json", "freqtrade"],
  ["json.gz", "freqtrade"],
]);
/** Endings of what is written in no format of ours, though other programs would expect it. */
const FOREIGN =
  /\.(arrow|bz2|feather|h5|hdf5|ipc|jsonl|ndjson|orc|pickle|pkl|tar|xlsx?|xz|zip|zst)$/i;

const spec: CommandSpec = {
  name: "export",
  summary: "write candles to a file, also of an interval that is made of a stored one",
  positionals: [{ name: "series", required: true }],
  options: {
    from: { value: "<time>", help: "first open time (default: the first held)" },
    to: { value: "<time>", help: "up to this open time, exclusive (default: past the last held)" },
    format: { value: FORMATS.join("|"), help: "what to write (default: by the file's name)" },
    layout: {
      value: "binance-vision",
      help: "daily and monthly zips with checksums, as data.binance.vision has them",
    },
    out: {
      value: "<file>",
      help: "where; .gz compresses csv; freqtrade wants BTC_USDT-1m.json.gz; a folder for a layout",
    },
    force: { help: "replace the file if there is one" },
  },
};

/** Candles asked for at once. */
const PAGE_ROWS = 50_000;

/** The command `export`: pages of candles into a file that appears when it is complete. */
export const exportKlines: Command = {
  spec,
  async run(args, context) {
    const asked = requireSeries(args);
    const from = findTime(spec, args, "from");
    const to = findTime(spec, args, "to");
    const out = requireText(spec, args, "out");
    const layout = chooseLayout(args);
    const format = layout === undefined ? chooseFormat(args.find("format"), out) : "csv";
    const installation = await context.open();
    const held = await installation.findSeries(asked);
    const series = { ...held.series, interval: asked.interval };
    const stored = held.series.interval;
    if (layout !== undefined) {
      const range = visionRange(held, { from, to });
      return await exportLayout({ installation, series, stored, range, held, out }, context);
    }
    const range = chooseRange(held, { from, to, interval: asked.interval });
    const result = await context.files.createResult(out, { replace: args.given("force") });
    try {
      const total = countCandles(held, range, asked.interval);
      const rows = await writePages(
        { installation, series, stored, range, total, format, out, result },
        context,
      );
      const sizeBytes = await result.finish();
      return {
        lines: [
          `Exported ${count(rows, "candle")} of ${formatSeries(series)} to ${out} ` +
          `(${formatBytes(sizeBytes)}${held.simulated ? ", simulated" : ""}).`,
        ],
        facts: {
          series: formatSeries(series),
          simulated: held.simulated,
          format,
          out,
          rows,
          sizeBytes,
        },
      };
    } finally {
      await result.discard();
    }
  },
};

/** Whole days and months, also where they hold candles only in a part. */
async function exportLayout(
  { held, out, ...job }: Omit<VisionExport, "folder"> & {
    readonly held: HeldSeries;
    readonly out: string;
  },
  context: CommandContext,
): Promise<CommandResult> {
  const folder = context.files.openZips(out);
  const counts = await exportVision({ ...job, folder }, context);
  const { daily, monthly, kept, sizeBytes } = counts;
  if (daily + monthly + kept === 0) {
    const [from, to] = job.range.map(isoTime);
    throw refuse(
      spec,
      `no day or month with candles lies in ${from} … ${to} as a whole, and is over`,
    );
  }
  const series = formatSeries(job.series);
  return {
    lines: [
      `Exported ${count(daily, "daily file")} and ${
        count(monthly, "monthly file")
      } of ${series} to ` +
      `${out} (${formatBytes(sizeBytes)}${held.simulated ? ", simulated" : ""})` +
      `${kept === 0 ? "" : `; ${count(kept, "file")} stayed`}.`,
    ],
    facts: { series, simulated: held.simulated, layout: "binance-vision", out, ...counts },
  };
}

interface Export {
  readonly installation: Installation;
  readonly series: SeriesRef;
  readonly stored: Interval;
  readonly range: readonly [from: number, to: number];
  /** Candles in it; undefined where only reading tells. */
  readonly total: number | undefined;
  readonly format: Format;
  readonly out: string;
  readonly result: ResultFile;
}

/** Writes every page and answers how many candles they held. */
async function writePages(job: Export, context: CommandContext): Promise<number> {
  const { installation, series, stored, range: [from, to], format } = job;
  const writer = createWriter(job, context);
  const pageFormat = format === "parquet" ? "parquet" : "csv";
  context.progress.start(`export ${formatSeries(series)}`, { unit: "candles", total: job.total });
  let rows = 0;
  for (let next: number | undefined = from; next !== undefined && next < to;) {
    context.signal.throwIfAborted();
    const place = { from: next, to, limit: PAGE_ROWS };
    const query = { series, stored, ...place, format: pageFormat } as const;
    const page = await installation.readPage(query, context.signal);
    if (page.rows > 0 || rows === 0) await writer.write(page.bytes);
    rows += page.rows;
    context.progress.advance(page.rows);
    next = page.next;
  }
  await writer.end();
  context.progress.finish();
  if (rows === 0) {
    throw refuse(
      spec,
      `no candle of ${formatSeries(series)} lies in ${isoTime(from)} … ${isoTime(to)}`,
    );
  }
  return rows;
}

function createWriter(
  { format, out, result }: Export,
  { joinParquet }: CommandContext,
): PageWriter {
  switch (format) {
    case "csv":
      return createCsvWriter(result, { gzip: isPacked(out) });
    case "freqtrade":
      return createFreqtradeWriter(result, { gzip: isPacked(out) });
    case "parquet":
      return { write: (bytes) => result.addPart(bytes), end: () => result.joinParts(joinParquet) };
  }
}

function chooseLayout(args: Arguments): "binance-vision" | undefined {
  const layout = args.find("layout");
  if (layout === undefined) return undefined;
  if (layout !== "binance-vision") throw refuse(spec, `--layout "${layout}" is not binance-vision`);
  if (args.given("format")) throw refuse(spec, "a layout has a format of its own");
  return layout;
}

function chooseFormat(text: string | undefined, out: string): Format {
  const format = FORMATS.find((known) => known === text);
  if (text !== undefined && format === undefined) {
    throw refuse(spec, `--format "${text}" is none of ${FORMATS.join(", ")}`);
  }
  const told = formatOf(out);
  if (told === undefined && FOREIGN.test(out)) {
    throw refuse(spec, `"${out}" is a name of no format that is written: ${ENDINGS}`);
  }
  const chosen = format ?? told;
  if (chosen === undefined) {
    throw refuse(spec, `say --format ${FORMATS.join("|")}, "${out}" does not tell`);
  }
  // A file under another format's name is one that no program opens.
  if (told !== undefined && told !== chosen) {
    throw refuse(spec, `"${out}" is a name of ${told}, not of ${chosen}: ${ENDINGS}`);
  }
  if (chosen === "parquet" && isPacked(out)) {
    throw refuse(spec, `"${out}" is no name for parquet, which is packed in itself`);
  }
  return chosen;
}

function isPacked(out: string): boolean {
  return /\.gz$/i.test(out);
}

function formatOf(out: string): Format | undefined {
  const [, ending = ""] = /\.(\w+(\.gz)?)$/i.exec(out) ?? [];
  return NAMES.get(ending.toLowerCase());
}

const ENDINGS = [...NAMES.keys()].map((ending) => `.${ending}`).join(", ");

/** From the start of the first month to the end of the last one that holds a candle. */
function visionRange(
  held: HeldSeries,
  { from, to }: { readonly from: number | undefined; readonly to: number | undefined },
): readonly [from: number, to: number] {
  const [first, past] = requireRange(held);
  return [from ?? monthStart(first), to ?? nextMonth(monthStart(past - 1))];
}

function chooseRange(
  held: HeldSeries,
  { from, to, interval }: {
    readonly from: number | undefined;
    readonly to: number | undefined;
    readonly interval: Interval;
  },
): readonly [from: number, to: number] {
  const [first, past] = requireRange(held);
  // The first larger bar opens before the first stored candle.
  const start = slotStart(interval, first);
  const range = [Math.max(from ?? start, start), Math.min(to ?? past, past)] as const;
  if (range[0] >= range[1]) {
    throw refuse(spec, `candles are held from ${isoTime(first)} to ${isoTime(past)} only`);
  }
  return range;
}

function requireRange({ range, series }: HeldSeries): OpenTimeRange {
  if (range !== undefined) return range;
  throw new Refusal("not_found", `Cannot export ${formatSeries(series)}: it has no candles yet`);
}

/** Gaps and larger bars make the candles of a part unknown; of all that is held they are counted. */
function countCandles(
  { series, candles, range }: HeldSeries,
  [from, to]: readonly [from: number, to: number],
  interval: Interval,
): number | undefined {
  const isAll = interval === series.interval && from === range?.[0] && to === range[1];
  return isAll ? candles : undefined;
}
