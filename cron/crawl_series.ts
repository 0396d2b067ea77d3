import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { Refusal } from "@/domain/decider.ts";
import { countSlots, type Coverage } from "@/domain/klines/coverage.ts";
import { type FetchPlan, fetchPlan, liveStart } from "@/domain/klines/fetch_plan.ts";
import { isCrawled, marketCalendar } from "@/domain/klines/market_calendar.ts";
import { periodOf, splitByPeriod } from "@/domain/klines/period.ts";
import { formatSeries, seriesId as idOf } from "@/domain/klines/series_ref.ts";
import type { SeriesCommand } from "@/domain/series.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { databaseErrorIn } from "@/events/store/database.ts";
import { askVenue } from "./ask_venue.ts";
import { addCrawlCounts, type CrawlCounts, NOTHING_CRAWLED } from "./crawl_counts.ts";
import type { CrawlDeps, CrawlRun, CrawlSeriesRequest } from "./crawl_deps.ts";
import { type FetchedPart, fetchPart } from "./crawl_part.ts";
import { nothingKnownEmpty } from "./fetch_range.ts";
import { decideSeries, type Doer } from "./series_commands.ts";

/**
 * Fetches what a series lacks: first its newest candles, then its history period by period, each
 * stored before the next is asked for. Run again, it goes on where it stopped. A failure is recorded
 * on the series and thrown. Refusal `conflict` for a series that no venue can be asked for.
 */
export async function crawlSeries(
  deps: CrawlDeps,
  request: CrawlSeriesRequest,
  run: CrawlRun,
): Promise<CrawlCounts> {
  if (!isCrawled(request.series)) {
    const name = formatSeries(request.series);
    throw new Refusal("conflict", `Cannot crawl ${name}: its source brings its candles`);
  }
  const runId = crypto.randomUUID();
  const seriesId = idOf(request.series);
  const doer = { actor: run.actor, commandId: runId };
  try {
    const counts = await crawl(deps, request, { ...run, runId });
    await recordState(deps, { type: "RecordCrawlRecovery", data: { seriesId } }, doer);
    return counts;
  } catch (error) {
    // Stopping is no failure, and a broken log cannot take one in.
    if (run.signal.aborted || databaseErrorIn(error) !== undefined) throw error;
    const data = { seriesId, error: reasonOf(error) };
    await recordState(deps, { type: "RecordCrawlFailure", data }, doer);
    throw error;
  }
}

type CrawlState = Extract<
  SeriesCommand,
  { type: "RecordCrawlFailure" | "RecordCrawlRecovery" }
>;

/**
 * Records how its crawl stands where the read model shows something else: the stream of a series whose
 * venue flaps grows, and would be read each minute. Where the read model lags, the next crawl tells.
 */
async function recordState(
  { store, series }: Pick<CrawlDeps, "store" | "series">,
  command: CrawlState,
  doer: Doer,
): Promise<void> {
  const error = command.type === "RecordCrawlFailure" ? command.data.error : null;
  if (await series.lastError(command.data.seriesId) === error) return;
  await decideSeries(store, command, doer).catch(ignoreUnknown);
}

async function crawl(
  deps: CrawlDeps,
  request: CrawlSeriesRequest,
  run: CrawlRun & { readonly runId: string },
): Promise<CrawlCounts> {
  const { series } = request;
  const { signal, progress } = run;
  const { interval, symbol } = series;
  const venue = await deps.exchanges.get(series.exchange);
  const now = await venue.time(signal);
  // Every minute, for each series: what is held before does not matter there.
  const isLive = request.mode === "live" && request.ranges === undefined;
  const oldest = isLive ? periodOf(interval, liveStart(interval, now)) : undefined;
  const coverage = await deps.series.coverage(idOf(series), oldest);
  const parts = partsOf(planOf(deps, request, { coverage, now }), request);
  progress.start(formatSeries(series), {
    unit: "candles",
    total: parts.reduce((sum, { ranges }) => sum + countSlots(ranges, interval), 0),
  });
  const empty = nothingKnownEmpty();
  const { clock, random, log } = deps;
  const counts = await storeInTurn(parts, ({ priority, ranges }) => {
    const asker = askVenue({ venue, symbol, interval, priority, now, clock, random, log, signal });
    return fetchPart({ ...run, deps, asker, series, empty, absent: coverage.absent }, ranges);
  });
  progress.finish();
  return counts;
}

function planOf(
  { historyStart }: Pick<CrawlDeps, "historyStart">,
  { series, since, until, refetch, ranges }: CrawlSeriesRequest,
  { coverage, now }: { coverage: Coverage; now: number },
): FetchPlan {
  const { interval } = series;
  if (ranges !== undefined) {
    return { live: [], history: ranges.flatMap((range) => splitByPeriod(interval, range)) };
  }
  return fetchPlan({
    ...{ coverage, interval, now, refetch, calendar: marketCalendar(series) },
    wanted: [since ?? historyStart, until ?? Infinity],
  });
}

/** One period is stored while the next is fetched; two are in memory at most. */
async function storeInTurn(
  parts: readonly Part[],
  fetch: (part: Part) => Promise<FetchedPart>,
): Promise<CrawlCounts> {
  let counts = NOTHING_CRAWLED;
  let storing = Promise.resolve(NOTHING_CRAWLED);
  try {
    for (const part of parts) {
      const fetched = await fetch(part);
      counts = addCrawlCounts(counts, await storing);
      storing = fetched.store();
      if (fetched.failed) await storing;
      // Thrown with the next part; until then it must not count as unhandled.
      storing.catch(() => {});
    }
    return addCrawlCounts(counts, await storing);
  } finally {
    await storing.catch(() => {});
  }
}

interface Part {
  readonly priority: "live" | "history";
  /** Ascending, in one period when it is history. */
  readonly ranges: readonly OpenTimeRange[];
}

function partsOf(
  { live, history }: FetchPlan,
  { series: { interval }, mode }: Pick<CrawlSeriesRequest, "series" | "mode">,
): Part[] {
  const newest: Part[] = live.length === 0 ? [] : [
    { priority: "live", ranges: live.toSorted(([a], [b]) => a - b) },
  ];
  const older = Map.groupBy(history, ([from]) => periodOf(interval, from)).values()
    .map((ranges): Part => ({ priority: "history", ranges })).toArray();
  switch (mode) {
    case "live":
      return newest;
    case "history":
      return older;
    case "all":
      return [...newest, ...older];
  }
}

/** For people, and the same each time the same thing fails. */
function reasonOf(error: unknown): string {
  if (error instanceof Refusal || error instanceof AdapterError) return error.message;
  return "Cannot crawl: internal error, see the log";
}

/** A crawl by hand may be of a series that is not there until its first candles are. */
function ignoreUnknown(error: unknown): void {
  if (!(error instanceof Refusal && error.code === "not_found")) throw error;
}
