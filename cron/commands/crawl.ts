import { EXPECTED_OPEN_TIME, isOpenTime } from "@/domain/klines/open_times.ts";
import { formatSeries } from "@/domain/klines/series_ref.ts";
import { type CommandSpec, findTime, refuse, requireSeries } from "./arguments.ts";
import type { Command } from "./command.ts";
import { describeCounts } from "./sentences.ts";

const spec: CommandSpec = {
  name: "crawl",
  summary: "fetch the candles of a series that are missing, e.g. crawl binance:BTC/USDT:1m",
  positionals: [{ name: "series", required: true }],
  options: {
    since: { value: "<time>", help: "from this open time on (default: HISTORY_START)" },
    until: { value: "<time>", help: "up to this open time, exclusive (default: now)" },
    refetch: { help: "ask again for candles that are held, and revise those that differ" },
  },
};

/** The command `crawl`: asks only for what is missing, so that a stopped one goes on. */
export const crawl: Command = {
  spec,
  async run(args, context) {
    const series = requireSeries(args);
    const since = findTime(spec, args, "since");
    const until = findTime(spec, args, "until");
    for (const [option, at] of [["since", since], ["until", until]] as const) {
      if (at === undefined || isOpenTime(at)) continue;
      throw refuse(spec, `--${option} is not ${EXPECTED_OPEN_TIME}`);
    }
    if (since !== undefined && until !== undefined && since >= until) {
      throw refuse(spec, "--since is not before --until");
    }
    const installation = await context.open({ create: true });
    const refetch = args.given("refetch");
    const counts = await installation.crawl({ series, since, until, refetch }, context);
    return {
      lines: [`Crawled ${formatSeries(series)}: ${describeCounts(counts)}.`],
      facts: { series: formatSeries(series), ...counts },
    };
  },
};
