import { isCrawled } from "@/domain/klines/market_calendar.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { addCrawlCounts, NOTHING_CRAWLED, rowsOf } from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { reportUnlessFailed } from "./crawl_failures.ts";
import { type CrawlRounds, createCrawlRounds } from "./crawl_rounds.ts";
import { crawlSeries } from "./crawl_series.ts";
import { crawlVenues } from "./crawl_venues.ts";
import type { Job } from "./job.ts";
import { shareProgress } from "./shared_progress.ts";
import type { VenueBreakers } from "./venue_breakers.ts";

const NAME = "klines";

/** After these the past of a series may be missing. */
const ASKS_FOR_HISTORY: ReadonlySet<string> = new Set(["SeriesWatched", "SeriesHistoryStartSet"]);

/** Completes every watched series: what is missing, its newest candles first, then its past, oldest first. */
export function crawlKlines(deps: CrawlDeps, breakers: VenueBreakers): Job {
  const { clock, log } = deps;
  let isBehind = false;
  const going = new Set<CrawlRounds>();
  deps.projections.onApplied((events) => {
    const asks = events?.some(({ type }) => ASKS_FOR_HISTORY.has(type));
    isBehind ||= asks === true;
    for (const rounds of going) rounds.told(asks);
  });
  return {
    name: NAME,
    schedule: "*/10 * * * *",
    atStart: true,
    isWanted: () => isBehind,
    // The first run takes hours; each request has a limit of its own.
    ...{ timeoutMs: null, ownBreakers: true },
    async run({ signal, progress, stored }) {
      const shared = shareProgress(progress, { label: "candles", unit: "candles" });
      const rounds = createCrawlRounds({
        ...{ clock, log, onListed: (behind) => isBehind = behind },
        list: async () => (await deps.series.list()).filter((one) => one.watched && isCrawled(one)),
        crawl: ({ series, others }) =>
          crawlVenues({ log, breakers }, {
            ...{ series: shortestFirst(series), others, job: NAME, signal },
            crawl: ({ exchange, symbol, interval, historyStart }) =>
              crawlSeries(deps, {
                series: { exchange, symbol, interval },
                since: historyStart ?? undefined,
                mode: "all",
              }, { actor: `job:${NAME}`, signal, progress: shared.part(), stored }),
          }),
      });
      going.add(rounds);
      try {
        const { counts, ...end } = await rounds.run();
        shared.finish();
        const total = counts.reduce(addCrawlCounts, NOTHING_CRAWLED);
        const [failed, leftOut] = [end.failures.length, end.leftOut.length];
        const report = { series: end.series, rows: rowsOf(total), ...total, failed, leftOut };
        return reportUnlessFailed({ ...end, report });
      } finally {
        going.delete(rounds);
      }
    },
  };
}

/** A series with few candles yet is the one that somebody has just added. */
function shortestFirst(series: readonly SeriesView[]): readonly SeriesView[] {
  return series.toSorted((a, b) => a.candles - b.candles);
}
