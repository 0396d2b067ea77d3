import type { SeriesView } from "@/projections/series_queries.ts";
import { allEnded } from "./all_ended.ts";
import { type CrawlCounts, hasAnswered } from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import type { FailedSeries } from "./crawl_failures.ts";
import { failureFields } from "./error_message.ts";
import type { VenueBreakers } from "./venue_breakers.ts";

/** Series of one venue that are worked on side by side: a long history does not hold up a short one. */
const SERIES_AT_ONCE = 2;

export interface VenuesWork<Counts extends CrawlCounts> {
  /** Series of any venues, each venue's in the order in which they are begun. */
  readonly series: readonly SeriesView[];
  /** Watched ones that are not among them: they tell whether a venue is dead or only a series. */
  readonly others?: readonly SeriesView[];
  /** For the log. */
  readonly job: string;
  readonly signal: AbortSignal;
  readonly crawl: (series: SeriesView) => Promise<Counts>;
}

export interface CrawledVenues<Counts> {
  readonly counts: readonly Counts[];
  readonly failures: readonly FailedSeries[];
  readonly leftOut: readonly FailedSeries[];
}

interface Deps {
  readonly log: CrawlDeps["log"];
  readonly breakers: VenueBreakers;
}

/** Works on all venues side by side. One that fails keeps no other series waiting; one that is dead is left out. */
export async function crawlVenues<Counts extends CrawlCounts>(
  deps: Deps,
  work: VenuesWork<Counts>,
): Promise<CrawledVenues<Counts>> {
  const venues = Map.groupBy(work.series, ({ exchange }) => exchange).values();
  const crawled = await allEnded(venues.map((series) => crawlVenue(deps, { ...work, series })));
  return {
    counts: crawled.flatMap(({ counts }) => counts),
    failures: crawled.flatMap(({ failures }) => failures),
    leftOut: crawled.flatMap(({ leftOut }) => leftOut),
  };
}

async function crawlVenue<Counts extends CrawlCounts>(
  { log, breakers }: Deps,
  { series, job, signal, crawl, ...work }: VenuesWork<Counts>,
): Promise<CrawledVenues<Counts>> {
  const exchange = series[0]?.exchange ?? "";
  const others = (work.others ?? []).filter((one) => one.exchange === exchange);
  const done: { readonly series: SeriesView; readonly counts: Counts }[] = [];
  const failures: FailedSeries[] = [];
  const leftOut: FailedSeries[] = [];
  const leave = (one: SeriesView) =>
    leftOut.push({ series: one, error: breakers.lastError(exchange) });
  if (!await breakers.admit([...series, ...others], signal)) {
    series.forEach(leave);
    return { counts: [], failures, leftOut };
  }
  const waiting = series.values();
  await allEnded(Array.from({ length: SERIES_AT_ONCE }, async () => {
    for (const one of waiting) {
      signal.throwIfAborted();
      if (breakers.isLeftOut(exchange)) {
        leave(one);
        continue;
      }
      try {
        done.push({ series: one, counts: await crawl(one) });
      } catch (error) {
        signal.throwIfAborted();
        failures.push({ series: one, error });
        log.warn("crawl failed", { job, series: one.id, ...failureFields(error) });
      }
    }
  }));
  await breakers.judge(exchange, {
    answered: done.filter(({ counts }) => hasAnswered(counts)).length,
    errors: failures.map(({ error }) => error),
    unasked: [...done.map((one) => one.series), ...others],
  }, signal);
  return { counts: done.map(({ counts }) => counts), failures, leftOut };
}
