import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { clipRanges, countSlots, subtractRanges, verifiedEmpty } from "@/domain/klines/coverage.ts";
import { previousSlot, slotIndex, slotStart } from "@/domain/klines/interval.ts";
import { retry } from "@/domain/retry.ts";
import type { VenueAsker } from "./ask_venue.ts";
import { type Basket, createBasket } from "./crawl_basket.ts";
import { countsOf, type CrawlCounts, NOTHING_CRAWLED, rowsOf } from "./crawl_counts.ts";
import type { PartContext } from "./crawl_deps.ts";
import { fetchRange } from "./fetch_range.ts";
import { recordAbsent } from "./record_absent.ts";

/** A venue may still deliver what closed a moment ago. */
const LATE_MS = 5 * 60_000;

/** Candles that have been fetched and wait to be stored. */
export interface FetchedPart {
  readonly failed: boolean;
  /**
   * Ingests what came and records what the venue has nothing of. When the fetch failed on the way,
   * what came before is kept and the failure thrown.
   */
  store(): Promise<CrawlCounts>;
}

/** Fetches ascending ranges. Only an abort is thrown here; a failure comes when it is stored. */
export async function fetchPart(
  context: PartContext,
  ranges: readonly OpenTimeRange[],
): Promise<FetchedPart> {
  const basket = createBasket(ranges, context.asker);
  const failure = await fetchInto(context, { ranges, basket });
  context.signal.throwIfAborted();
  return {
    failed: failure !== undefined,
    async store() {
      const counts = await ingest(context, { ranges, basket });
      if (failure !== undefined) throw failure.error;
      return { ...counts, ...await settle(context, basket) };
    },
  };
}

/** Slots that were asked for and did not come. */
async function settle(
  context: PartContext,
  basket: Basket,
): Promise<Pick<CrawlCounts, "absent" | "verifiedEmpty" | "late">> {
  const { now, interval } = context.asker;
  const missing = basket.missing();
  const lateFrom = slotStart(interval, now - LATE_MS);
  const absent = clipRanges(missing, [-Infinity, lateFrom]);
  await recordAbsent(context, absent);
  const edge = slotStart(interval, now);
  const newest = clipRanges(missing, [previousSlot(interval, edge), edge]);
  return {
    absent: countSlots(absent, interval),
    verifiedEmpty: countSlots(nowVerified(context, absent), interval),
    late: countSlots(clipRanges(newest, [lateFrom, edge]), interval),
  };
}

/** What of it was known to be missing before, and is known to be empty after this question. */
function nowVerified(
  { asker: { now, interval }, absent: known }: PartContext,
  missing: readonly OpenTimeRange[],
): OpenTimeRange[] {
  if (missing.length === 0) return [];
  const again = known.filter(({ askedAt }) => askedAt < now)
    .map((one) => ({ ...one, asks: one.asks + 1, askedAt: now }));
  return subtractRanges(missing, subtractRanges(missing, verifiedEmpty(again, interval)));
}

interface Part {
  readonly ranges: readonly OpenTimeRange[];
  readonly basket: Basket;
}

async function fetchInto(
  { asker, empty, progress }: PartContext,
  { ranges, basket }: Part,
): Promise<{ readonly error: unknown } | undefined> {
  const delivery = {
    candles: basket.candles,
    settled(range: OpenTimeRange) {
      basket.settled(range);
      progress.advance(countSlots(clipRanges(ranges, range), asker.interval));
    },
  };
  try {
    for (const range of joinNear(ranges, asker)) {
      await fetchRange(asker, range, { empty, delivery });
    }
    return undefined;
  } catch (error) {
    return { error };
  }
}

async function ingest(context: PartContext, { ranges, basket }: Part): Promise<CrawlCounts> {
  if (basket.count() === 0) return NOTHING_CRAWLED;
  const { deps, asker, series, actor, signal, runId, stored } = context;
  const [from, to] = [ranges.at(0)?.[0], ranges.at(-1)?.[1]];
  const options = {
    ...{ source: "exchange", actor, signal, now: asker.now } as const,
    commandId: await uuidV5(runId, `klines/${from}/${to}`),
  };
  const few = basket.few();
  const attempt = few === undefined
    ? () => ingestFile(context, { csv: basket.csv(), options })
    : () => deps.ingest.ingestCandles(series, few, options);
  const { clock, random } = deps;
  // The same command id: a repeat finds what was recorded before a reply got lost.
  const counts = countsOf(
    await retry(attempt, { clock, random, signal, attempts: 5, baseMs: 500, maxMs: 15_000 }),
  );
  stored?.(rowsOf(counts));
  return counts;
}

type IngestFiles = PartContext["deps"]["ingest"]["ingestFiles"];

async function ingestFile(
  { deps, series }: PartContext,
  { csv, options }: { csv: readonly Uint8Array[]; options: Parameters<IngestFiles>[2] },
): ReturnType<IngestFiles> {
  const { path, remove } = await deps.workspace.write(csv);
  try {
    const files = [{ path, format: "csv", gzip: false }] as const;
    return await deps.ingest.ingestFiles(series, files, options);
  } finally {
    await remove();
  }
}

/** Joins ranges that one page can answer together. */
function joinNear(
  ranges: readonly OpenTimeRange[],
  { interval, pageLimit }: VenueAsker,
): OpenTimeRange[] {
  const joined: OpenTimeRange[] = [];
  for (const [from, to] of ranges) {
    const last = joined.at(-1);
    const slots = last && slotIndex(interval, to - 1) - slotIndex(interval, last[0]) + 1;
    if (last !== undefined && slots !== undefined && slots < pageLimit) {
      joined[joined.length - 1] = [last[0], to];
    } else joined.push([from, to]);
  }
  return joined;
}
