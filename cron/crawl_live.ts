import { type Interval, nextSlot, previousSlot, slotStart } from "@/domain/klines/interval.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { addRunCounts, NOTHING_RUN, type RunCounts } from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { crawlSeries } from "./crawl_series.ts";
import { failureFields } from "./error_message.ts";
import type { Job, JobContext } from "./job.ts";
import { shareProgress } from "./shared_progress.ts";

/** An exchange needs a moment after the close until its candle is final. */
const SETTLE_MS = 1_000;
/** Short intervals are asked this often, so that a candle is stored within 10 s of its close. */
const SPACING_MS = 4_000;
/** A candle that has not appeared yet is asked for again so much later, so often in a run. */
const LATE_AGAIN_MS = 2_000;
const LATE_ASKS = 2;
/** A run ends so long before the minute does, and the next one begins. */
const PAUSE_MS = 3_000;
const MINUTE_MS = 60_000;
const SHORTEST_WAIT_MS = 250;

/** How far a series has been followed, in the venue's time. */
interface Edge {
  /** End of the newest slot that was fetched. */
  readonly end: number;
  readonly askedAt: number;
}

interface Live {
  readonly deps: CrawlDeps;
  readonly edges: Map<string, Edge>;
  /** When the run ends, by our clock. */
  readonly until: number;
}

/** Follows the live edge of every watched series: what closes within the minute is fetched as it closes. */
export function crawlLive(deps: CrawlDeps): Job {
  /** By series id; forgotten at a restart, when everything is due. */
  const edges = new Map<string, Edge>();
  return {
    name: "crawl-live",
    schedule: "* * * * *",
    atStart: true,
    async run({ signal, progress }) {
      const watched = (await deps.series.list()).filter((series) => series.watched);
      const shared = shareProgress(progress, { label: "live edge", unit: "candles" });
      const live = { deps, edges, until: endOfRun(deps.clock.now()) };
      const venues = Map.groupBy(watched, ({ exchange }) => exchange).values();
      const counts = await Promise.all(
        venues.map((series) => followVenue(live, series, { signal, progress: shared.part() })),
      );
      shared.finish();
      return { series: watched.length, ...counts.reduce(addRunCounts, NOTHING_RUN) };
    },
  };
}

/** Of this minute, or of the next when this one is nearly over. */
function endOfRun(now: number): number {
  return (Math.floor((now + 2 * PAUSE_MS) / MINUTE_MS) + 1) * MINUTE_MS - PAUSE_MS;
}

/** Series of one venue. One that failed is left alone until the next run. */
async function followVenue(
  live: Live,
  series: readonly SeriesView[],
  context: JobContext,
): Promise<RunCounts> {
  const { deps: { clock }, edges, until } = live;
  const asks = new Map<string, number>();
  const dueAt = (one: SeriesView, now: number) => {
    const asked = asks.get(one.id) ?? 0;
    if (asked > LATE_ASKS) return Infinity;
    const edge = edges.get(one.id);
    if (edge === undefined) return now;
    return asked > 0 ? edge.askedAt + LATE_AGAIN_MS : dueAfter(edge, one.interval);
  };
  let counts = NOTHING_RUN;
  let waitMs = 0;
  while (clock.now() + waitMs < until) {
    if (waitMs > 0) await clock.sleep(waitMs, context.signal);
    const startedAt = clock.now();
    const now = await venueTime(live, series, context.signal);
    const due = series.filter((one) => dueAt(one, now) <= now);
    const results = await Promise.all(due.map((one) => crawlOne(live, one, { now, context })));
    for (const { id, outcome, ...crawled } of results) {
      counts = addRunCounts(counts, crawled);
      if (outcome === "failed") asks.set(id, Infinity);
      else if (outcome === "late") asks.set(id, (asks.get(id) ?? 0) + 1);
      else asks.delete(id);
    }
    const next = Math.min(...series.map((one) => dueAt(one, now)));
    waitMs = Math.max(SHORTEST_WAIT_MS, next - now - (clock.now() - startedAt));
  }
  return counts;
}

function dueAfter({ end, askedAt }: Edge, interval: Interval): number {
  return Math.max(nextSlot(interval, end) + SETTLE_MS, askedAt + SPACING_MS);
}

/** Ours while the venue does not answer: each series then finds that out and records it. */
async function venueTime(
  { deps: { exchanges, clock } }: Live,
  [first]: readonly SeriesView[],
  signal: AbortSignal,
): Promise<number> {
  try {
    const venue = await exchanges.get(first?.exchange ?? "");
    return await venue.time(signal);
  } catch {
    signal.throwIfAborted();
    return clock.now();
  }
}

type SeriesResult = RunCounts & {
  readonly id: string;
  readonly outcome: "done" | "late" | "failed";
};

async function crawlOne(
  { deps, edges }: Live,
  { id, exchange, symbol, interval, historyStart }: SeriesView,
  { now, context }: { now: number; context: JobContext },
): Promise<SeriesResult> {
  const end = slotStart(interval, now);
  try {
    const counts = await crawlSeries(deps, {
      series: { exchange, symbol, interval },
      since: historyStart ?? undefined,
      mode: "live",
    }, { actor: "job:crawl-live", ...context });
    const late = counts.late > 0;
    edges.set(id, { end: late ? previousSlot(interval, end) : end, askedAt: now });
    return { ...counts, id, failed: 0, outcome: late ? "late" : "done" };
  } catch (error) {
    context.signal.throwIfAborted();
    deps.log.warn("live crawl failed", { series: id, ...failureFields(error) });
    return { ...NOTHING_RUN, id, failed: 1, outcome: "failed" };
  }
}
