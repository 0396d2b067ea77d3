import { isCrawled } from "@/domain/klines/market_calendar.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { allEnded } from "./all_ended.ts";
import { addCrawlCounts, type CrawlCounts, NOTHING_CRAWLED, rowsOf } from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { reportUnlessFailed } from "./crawl_failures.ts";
import { crawlSeries } from "./crawl_series.ts";
import { type CrawledVenues, crawlVenues } from "./crawl_venues.ts";
import { failureFields } from "./error_message.ts";
import type { Job } from "./job.ts";
import { shareProgress } from "./shared_progress.ts";
import type { VenueBreakers } from "./venue_breakers.ts";

const NAME = "klines";

/** Completes every watched series: what is missing, its newest candles first, then its past, oldest first. */
export function crawlKlines(deps: CrawlDeps, breakers: VenueBreakers): Job {
  const { log } = deps;
  /** After these the past of a series may be missing. */
  let [hasNew, isBehind] = [false, false];
  let news = Promise.withResolvers<void>();
  deps.projections.onApplied((events = []) => {
    isBehind ||= events.some(({ type }) => type === "SeriesHistoryStartSet");
    hasNew ||= events.some(({ type }) => type === "SeriesWatched");
    if (hasNew) news.resolve();
  });
  return {
    name: NAME,
    schedule: "*/10 * * * *",
    atStart: true,
    isWanted: () => hasNew || isBehind,
    // The first run takes hours; each request has a limit of its own.
    ...{ timeoutMs: null, ownBreakers: true },
    async run({ signal, progress, stored }) {
      const shared = shareProgress(progress, { label: "candles", unit: "candles" });
      const begun = new Set<string>();
      let ended = false;

      /** Of the series that are watched and that this run has not begun. */
      async function round(): Promise<CrawledVenues<CrawlCounts>> {
        [hasNew, news] = [false, Promise.withResolvers()];
        const series = (await deps.series.list())
          .filter((one) => one.watched && isCrawled(one) && !begun.has(one.id));
        series.forEach(({ id }) => begun.add(id));
        return await crawlVenues({ log, breakers }, {
          ...{ series: shortestFirst(series), job: NAME, signal },
          crawl: ({ exchange, symbol, interval, historyStart }) =>
            crawlSeries(deps, {
              series: { exchange, symbol, interval },
              since: historyStart ?? undefined,
              mode: "all",
            }, { actor: `job:${NAME}`, signal, progress: shared.part(), stored }),
        });
      }

      /** What is added while the others are crawled does not wait for them. */
      async function latecomers(): Promise<CrawledVenues<CrawlCounts>[]> {
        const rounds: CrawledVenues<CrawlCounts>[] = [];
        for (;;) {
          if (!ended) await news.promise;
          if (!hasNew) return rounds;
          const before = begun.size;
          try {
            rounds.push(await round());
          } catch (error) {
            signal.throwIfAborted();
            log.warn("cannot crawl what was added", failureFields(error));
          }
          // It is one that this run has begun before, or could not begin: for the next one.
          isBehind ||= begun.size === before;
        }
      }

      isBehind = false;
      const first = round().then((one) => [one]).finally(() => {
        ended = true;
        news.resolve();
      });
      const rounds = (await allEnded([first, latecomers()])).flat();
      shared.finish();
      const total = rounds.flatMap(({ counts }) => counts)
        .reduce(addCrawlCounts, NOTHING_CRAWLED);
      const failures = rounds.flatMap((one) => one.failures);
      const leftOut = rounds.flatMap((one) => one.leftOut);
      const report = { series: begun.size, rows: rowsOf(total), ...total };
      return reportUnlessFailed({
        ...{ series: begun.size, failures, leftOut },
        report: { ...report, failed: failures.length, leftOut: leftOut.length },
      });
    },
  };
}

/** A series with few candles yet is the one that somebody has just added. */
function shortestFirst(series: readonly SeriesView[]): readonly SeriesView[] {
  return series.toSorted((a, b) => a.candles - b.candles);
}
