import { slotStart } from "@/domain/klines/interval.ts";
import { isCrawled } from "@/domain/klines/market_calendar.ts";
import type { WatchedSeries } from "@/projections/series_queries.ts";
import { allEnded } from "./all_ended.ts";
import {
  addCrawlCounts,
  type CrawlCounts,
  hasAnswered,
  NOTHING_CRAWLED,
  rowsOf,
} from "./crawl_counts.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { type CrawlRunEnd, type FailedSeries, reportUnlessFailed } from "./crawl_failures.ts";
import { crawlSeries } from "./crawl_series.ts";
import { failureFields } from "./error_message.ts";
import type { Job, JobContext, JobRun } from "./job.ts";
import { dueAt, type Edge, failed, followed, isDue } from "./live_edge.ts";
import { type SharedProgress, shareProgress } from "./shared_progress.ts";
import type { VenueBreakers } from "./venue_breakers.ts";

const NAME = "klines-live";

const WINDOW_MS = 5 * 60_000;
/** A run ends so long before its window does, and the next one begins. */
const PAUSE_MS = 3_000;
const SHORTEST_WAIT_MS = 250;
/** How soon a series that another instance added is followed. */
const LIST_AGAIN_MS = 60_000;
/** How soon one that was added here is. */
const LOOK_MS = 2_000;
/** How often it is looked whether a venue that is left out may be asked again. */
const LEFT_OUT_WAIT_MS = 10_000;

const CHANGES_LIST: ReadonlySet<string> = new Set(["SeriesWatched", "SeriesUnwatched"]);

interface Watchlist {
  /** Since it was read: what is watched may be another set of series. */
  hasChanged: boolean;
}

/** What the followers of all venues share for the time of a run. */
interface Run {
  readonly deps: CrawlDeps;
  readonly breakers: VenueBreakers;
  /** By series id. */
  readonly edges: Map<string, Edge>;
  readonly watchlist: Watchlist;
  /** When the run ends, by our clock. */
  readonly until: number;
  readonly signal: AbortSignal;
  readonly stored: JobRun["stored"];
  readonly progress: SharedProgress;
  /** Watched series by venue, as they were last listed. */
  venues: ReadonlyMap<string, readonly WatchedSeries[]>;
  /** Which series those are: another text when a list has others. */
  watched: string;
  listedAt: number;
  listing: Promise<void> | undefined;
  readonly followers: Map<string, Promise<void>>;
  counts: CrawlCounts;
}

/**
 * Follows the live edge of every watched series for five minutes: what closes is fetched as it closes.
 * A series that fails is asked again within the run, and counts as failed when it still does at the
 * end. Told to stop, a run ends well with what it has done.
 */
export function crawlLive(deps: CrawlDeps, breakers: VenueBreakers): Job {
  /** Forgotten at a restart, when everything is due. */
  const edges = new Map<string, Edge>();
  const watchlist: Watchlist = { hasChanged: false };
  deps.projections.onApplied((events) => {
    // Which events another instance applied is not known.
    watchlist.hasChanged ||= events?.some(({ type }) => CHANGES_LIST.has(type)) ?? true;
  });
  return {
    name: NAME,
    schedule: "*/5 * * * *",
    atStart: true,
    // The next run begins at once and asks everyone again: an attempt of this one would come later.
    ...{ timeoutMs: 360_000, retry: { maxAttempts: 1 }, ownBreakers: true },
    async run({ signal, progress, stored }) {
      const run: Run = {
        ...{ deps, breakers, edges, watchlist, signal, stored },
        until: endOfRun(deps.clock.now()),
        progress: shareProgress(progress, { label: "live edge", unit: "candles" }),
        ...{
          venues: new Map(),
          watched: "",
          listedAt: -Infinity,
          listing: undefined,
          followers: new Map(),
        },
        counts: NOTHING_CRAWLED,
      };
      try {
        await follow(run);
      } catch (error) {
        if (!isStopped(signal)) throw error;
        return endOf(run).report;
      } finally {
        run.progress.finish();
      }
      return reportUnlessFailed(endOf(run));
    },
  };
}

/** Of this window, or of the next when this one is nearly over. */
function endOfRun(now: number): number {
  return (Math.floor((now + 2 * PAUSE_MS) / WINDOW_MS) + 1) * WINDOW_MS - PAUSE_MS;
}

/** In order, not because it took too long. */
function isStopped({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof Error && reason.name === "TimeoutError");
}

async function follow(run: Run): Promise<void> {
  const { deps: { clock }, followers, signal, until } = run;
  signal.throwIfAborted();
  await list(run);
  for (let known = 0; followers.size > known || clock.now() < until;) {
    if (followers.size > known) {
      known = followers.size;
      await allEnded(followers.values());
    } else {
      await rest(run, until - clock.now(), run.watched);
    }
  }
}

/** A wait that ends early when others than these series are watched. */
async function rest(run: Run, waitMs: number, watched: string): Promise<void> {
  const { deps: { clock }, signal } = run;
  for (let leftMs = waitMs; leftMs > 0 && run.watched === watched; leftMs -= LOOK_MS) {
    await clock.sleep(Math.min(leftMs, LOOK_MS), signal);
    await listAgain(run);
  }
}

/** Series may be added and removed while the run goes on; a venue that is new gets its follower. */
async function list(run: Run): Promise<void> {
  const { deps, followers, watchlist } = run;
  run.listedAt = deps.clock.now();
  watchlist.hasChanged = false;
  const watched = (await deps.series.watched()).filter(isCrawled);
  run.venues = Map.groupBy(watched, ({ exchange }) => exchange);
  run.watched = watched.map(({ id, historyStart }) => `${id} from ${historyStart}`).join();
  for (const exchange of run.venues.keys()) {
    if (followers.has(exchange)) continue;
    const follower = followVenue(run, exchange);
    // Thrown when all have ended; until then it must not count as unhandled.
    follower.catch(() => {});
    followers.set(exchange, follower);
  }
}

async function listAgain(run: Run): Promise<void> {
  const { deps: { clock, log }, watchlist } = run;
  if (watchlist.hasChanged || clock.now() - run.listedAt >= LIST_AGAIN_MS) {
    run.listing ??= list(run)
      .catch((error: unknown) => log.warn("cannot list the watched series", failureFields(error)))
      .finally(() => run.listing = undefined);
  }
  await run.listing;
}

async function followVenue(run: Run, exchange: string): Promise<void> {
  const { deps: { clock }, breakers, edges, until, signal } = run;
  const progress = run.progress.part();
  let waitMs = 0;
  let { watched } = run;
  for (;;) {
    await rest(run, Math.min(waitMs, until - clock.now()), watched);
    if (clock.now() >= until) return;
    ({ watched } = run);
    const series = run.venues.get(exchange) ?? [];
    if (!await breakers.admit(series, signal)) {
      waitMs = LEFT_OUT_WAIT_MS;
      continue;
    }
    const startedAt = clock.now();
    const now = await venueTime(run, exchange);
    const due = series.filter((one) => isDue(edges.get(one.id), one.interval, now));
    const crawled = await allEnded(due.map((one) => crawlOne(run, one, { now, progress })));
    const errors = crawled.filter((one) => "error" in one).map(({ error }) => error);
    const answered = crawled.filter((one) => "counts" in one && hasAnswered(one.counts)).length;
    const unasked = series.filter(({ id }) => edges.get(id)?.failure === undefined);
    await breakers.judge(exchange, { answered, errors, unasked }, signal);
    const next = Math.min(...series.map((one) => dueAt(edges.get(one.id), one.interval)));
    const restMs = next - now - (clock.now() - startedAt);
    waitMs = Math.max(SHORTEST_WAIT_MS, Math.min(LIST_AGAIN_MS, restMs));
  }
}

/** Ours while the venue does not answer: each series then finds that out and records it. */
async function venueTime(
  { deps: { exchanges, clock }, signal }: Run,
  exchange: string,
): Promise<number> {
  try {
    const venue = await exchanges.get(exchange);
    return await venue.time(signal);
  } catch {
    signal.throwIfAborted();
    return clock.now();
  }
}

async function crawlOne(
  run: Run,
  { id, exchange, symbol, interval, historyStart }: WatchedSeries,
  { now, progress }: { now: number; progress: JobContext["progress"] },
): Promise<{ readonly counts: CrawlCounts } | { readonly error: unknown }> {
  const { deps, edges, signal, stored } = run;
  const end = slotStart(interval, now);
  try {
    const counts = await crawlSeries(deps, {
      series: { exchange, symbol, interval },
      since: historyStart ?? undefined,
      mode: "live",
    }, { actor: `job:${NAME}`, signal, progress, stored });
    run.counts = addCrawlCounts(run.counts, counts);
    edges.set(id, followed(edges.get(id), { interval, end, now, late: counts.late > 0 }));
    return { counts };
  } catch (error) {
    signal.throwIfAborted();
    edges.set(id, failed(edges.get(id), now, error));
    deps.log.warn("live crawl failed", { series: id, ...failureFields(error) });
    return { error };
  }
}

/** How it stands with each series at the end. */
function endOf({ venues, breakers, edges, counts }: Run): CrawlRunEnd {
  const all = [...venues.values()].flat();
  const leftOut = all.filter(({ exchange }) => breakers.isLeftOut(exchange))
    .map((series): FailedSeries => ({ series, error: breakers.lastError(series.exchange) }));
  const failures = all.filter(({ exchange }) => !breakers.isLeftOut(exchange))
    .flatMap((series): FailedSeries[] => {
      const failure = edges.get(series.id)?.failure;
      return failure === undefined ? [] : [{ series, error: failure.error }];
    });
  const told = { failed: failures.length, leftOut: leftOut.length };
  const report = { series: all.length, rows: rowsOf(counts), ...counts, ...told };
  return { series: all.length, failures, leftOut, report };
}
