import type { SeriesView } from "@/projections/series_queries.ts";
import { addRunCounts, NOTHING_RUN, type RunCounts } from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { crawlSeries } from "./crawl_series.ts";
import { failureFields } from "./error_message.ts";
import type { Job, JobContext } from "./job.ts";
import { shareProgress } from "./shared_progress.ts";

/** Series of one venue that are worked on side by side: a long history does not hold up a short one. */
const SERIES_AT_ONCE = 2;

/** Completes the past of every watched series: only what is missing, oldest first. */
export function crawlHistory(deps: CrawlDeps): Job {
  return {
    name: "crawl-history",
    schedule: "*/10 * * * *",
    atStart: true,
    async run({ signal, progress }) {
      const watched = (await deps.series.list()).filter((series) => series.watched);
      const shared = shareProgress(progress, { label: "history", unit: "candles" });
      const venues = Map.groupBy(watched, ({ exchange }) => exchange).values();
      const lanes = [...venues].flatMap((series) => {
        const waiting = shortestFirst(series).values();
        return Array.from({ length: SERIES_AT_ONCE }, async () => {
          let counts = NOTHING_RUN;
          for (const one of waiting) {
            signal.throwIfAborted();
            const context = { signal, progress: shared.part() };
            counts = addRunCounts(counts, await crawlOne(deps, one, context));
          }
          return counts;
        });
      });
      const counts = await Promise.all(lanes);
      shared.finish();
      return { series: watched.length, ...counts.reduce(addRunCounts, NOTHING_RUN) };
    },
  };
}

/** A series with few candles yet is the one that somebody has just added. */
function shortestFirst(series: readonly SeriesView[]): readonly SeriesView[] {
  return series.toSorted((a, b) => a.candles - b.candles);
}

async function crawlOne(
  deps: CrawlDeps,
  { id, exchange, symbol, interval, historyStart }: SeriesView,
  context: JobContext,
): Promise<RunCounts> {
  try {
    const counts = await crawlSeries(deps, {
      series: { exchange, symbol, interval },
      since: historyStart ?? undefined,
      mode: "history",
    }, { actor: "job:crawl-history", ...context });
    return { ...counts, failed: 0 };
  } catch (error) {
    context.signal.throwIfAborted();
    deps.log.warn("history crawl failed", { series: id, ...failureFields(error) });
    return { ...NOTHING_RUN, failed: 1 };
  }
}
