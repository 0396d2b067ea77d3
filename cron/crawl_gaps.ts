import { type GapPlan, gapPlan } from "@/domain/klines/gap_plan.ts";
import { isCrawled, marketCalendar } from "@/domain/klines/market_calendar.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { addCrawlCounts, type CrawlCounts, NOTHING_CRAWLED, rowsOf } from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { reportUnlessFailed } from "./crawl_failures.ts";
import { crawlSeries } from "./crawl_series.ts";
import { crawlVenues } from "./crawl_venues.ts";
import type { Job } from "./job.ts";
import { shareProgress } from "./shared_progress.ts";
import type { VenueBreakers } from "./venue_breakers.ts";

const NAME = "klines-gaps";

/** A thin market has more holes than anyone wants to ask for in a night. */
const MOST_GAPS = 1_000;
const MOST_SLOTS = 100_000;
/** No series is begun after so long: the next night begins with those that waited. */
const LONGEST_MS = 2 * 3_600_000;

interface Wanted {
  readonly series: SeriesView;
  readonly plan: GapPlan;
}

interface GapCounts extends CrawlCounts {
  readonly asked: number;
  readonly gaps: number;
}

export interface GapsOptions {
  /** Five fields of cron. */
  readonly schedule?: string | undefined;
  readonly mostGaps?: number | undefined;
  readonly mostSlots?: number | undefined;
  readonly longestMs?: number | undefined;
}

/**
 * Asks again for every gap of every watched series that is not verified empty. What comes is stored, an
 * empty answer is recorded: the second one, a day after the gap, makes it verified. A run is bounded,
 * and the next one begins with what had to wait.
 */
export function crawlGaps(
  deps: CrawlDeps,
  breakers: VenueBreakers,
  options: GapsOptions = {},
): Job {
  const { schedule = "30 4 * * *", longestMs = LONGEST_MS } = options;
  const { clock, log } = deps;
  return {
    ...{ name: NAME, schedule, timeoutMs: null, ownBreakers: true },
    async run({ signal, progress, stored }) {
      const wanted = await gapsToAsk(deps, options);
      const plans = new Map(wanted.map(({ series, plan }) => [series.id, plan]));
      const shared = shareProgress(progress, { label: "gaps", unit: "candles" });
      const enough = clock.now() + longestMs;
      let waiting = wanted.reduce((sum, { plan }) => sum + plan.waiting, 0);
      const { counts, failures, leftOut } = await crawlVenues({ log, breakers }, {
        ...{ series: wanted.map(({ series }) => series), job: NAME, signal },
        async crawl({ id, exchange, symbol, interval }): Promise<GapCounts> {
          const { ranges, slots } = plans.get(id) ?? { ranges: [], slots: 0 };
          if (clock.now() >= enough) {
            waiting += ranges.length;
            return { ...NOTHING_CRAWLED, asked: 0, gaps: 0 };
          }
          const counts = await crawlSeries(deps, {
            ...{ series: { exchange, symbol, interval }, ranges, mode: "history" },
          }, { actor: `job:${NAME}`, signal, progress: shared.part(), stored });
          return { ...counts, asked: slots, gaps: ranges.length };
        },
      });
      shared.finish();
      return reportUnlessFailed({
        ...{ series: wanted.length, failures, leftOut },
        report: {
          series: wanted.length,
          ...gapReport(counts),
          ...{ waiting, failed: failures.length, leftOut: leftOut.length },
        },
      });
    },
  };
}

/** Series that have gaps, those first whose gaps have not been asked for longest. */
async function gapsToAsk(
  { series }: Pick<CrawlDeps, "series">,
  { mostGaps = MOST_GAPS, mostSlots = MOST_SLOTS }: GapsOptions,
): Promise<readonly Wanted[]> {
  const holed = (await series.list())
    .filter((one) => one.watched && isCrawled(one) && one.gaps > 0);
  const wanted: Wanted[] = [];
  for (const one of holed) {
    const { interval } = one;
    const coverage = await series.coverage(one.id);
    const plan = gapPlan({
      ...{ coverage, interval, calendar: marketCalendar(one), mostGaps, mostSlots },
    });
    if (plan.ranges.length > 0) wanted.push({ series: one, plan });
  }
  return wanted.sort((a, b) => a.plan.askedAt - b.plan.askedAt);
}

/** All but the gaps in candles; those still open did not come and are not known to be empty. */
function gapReport(crawled: readonly GapCounts[]): Readonly<Record<string, number>> {
  const total = crawled.reduce<CrawlCounts>(addCrawlCounts, NOTHING_CRAWLED);
  const sum = (key: "asked" | "gaps") => crawled.reduce((all, one) => all + one[key], 0);
  const came = crawled.map(({ ingested, revised, unchanged, heldBetter, asked }) =>
    Math.min(asked, ingested + revised + unchanged + heldBetter)
  );
  const filled = came.reduce((all, one) => all + one, 0);
  const { verifiedEmpty, rejected } = total;
  return {
    ...{ gaps: sum("gaps"), asked: sum("asked"), filled, verifiedEmpty },
    stillOpen: Math.max(0, sum("asked") - filled - verifiedEmpty),
    ...{ rejected, rows: rowsOf(total) },
  };
}
