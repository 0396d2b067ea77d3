import type { Candle } from "@/domain/klines/candle.ts";
import { slotRanges, subtractRanges } from "@/domain/klines/coverage.ts";
import { slotAt, slotIndex } from "@/domain/klines/interval.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { VenueAsker } from "./ask_venue.ts";

export interface Delivery {
  /** Candles in no order between pages; some may come twice. */
  candles(page: readonly Candle[]): void;
  /** All of this range has been asked for and what the venue has of it delivered. */
  settled(range: OpenTimeRange): void;
}

/** What the crawl of a series has learnt on the way: ranges without any candle. */
export interface KnownEmpty {
  range: OpenTimeRange;
  /** The question that is being asked about the next candle. */
  asking: Promise<void>;
}

/** Pages on their way at one time: hides the way to the venue behind the limiter's pace. */
const LANES = 3;
/** A page with more holes is a thin market's: then only what comes after its last candle is asked again. */
const MOST_HOLES = 8;
const MOST_CONTRADICTIONS = 3;

export function nothingKnownEmpty(): KnownEmpty {
  return { range: [0, 0], asking: Promise.resolve() };
}

/**
 * Fetches a range of whole slots page by page. What a page leaves out is asked for by itself before
 * it is believed to be absent; after an empty page the next candle is looked for, so that years
 * before a listing cost a few questions.
 */
export async function fetchRange(
  asker: VenueAsker,
  range: OpenTimeRange,
  { empty, delivery }: { empty: KnownEmpty; delivery: Delivery },
): Promise<void> {
  const windows = windowsOf(asker, range);
  // A lane that throws ends the shared generator, and so the others after their window.
  const lanes = Array.from({ length: LANES }, async () => {
    for (const window of windows) {
      asker.signal.throwIfAborted();
      await fetchWindow(asker, window, { empty, delivery });
      delivery.settled(window);
    }
  });
  const ended = await Promise.allSettled(lanes);
  for (const lane of ended) if (lane.status === "rejected") throw lane.reason;
}

/** One slot less than a page: a full page then tells that a slot held two bars. */
function* windowsOf(
  { interval, pageLimit }: VenueAsker,
  [from, to]: OpenTimeRange,
): Generator<OpenTimeRange, void> {
  const size = Math.max(1, pageLimit - 1);
  const end = slotIndex(interval, to - 1) + 1;
  for (let slot = slotIndex(interval, from); slot < end; slot += size) {
    yield [
      Math.max(from, slotAt(interval, slot)),
      Math.min(to, slotAt(interval, Math.min(slot + size, end))),
    ];
  }
}

async function fetchWindow(
  asker: VenueAsker,
  window: OpenTimeRange,
  { empty, delivery }: { empty: KnownEmpty; delivery: Delivery },
): Promise<void> {
  for (let contradictions = 0; contradictions < MOST_CONTRADICTIONS; contradictions++) {
    if (isWithin(window, empty.range)) return;
    const page = await asker.page(window);
    if (page.length > 0) {
      delivery.candles(page);
      return await fetchHoles(asker, { range: window, page }, delivery);
    }
    await lookFurther(asker, window, empty);
    if (isWithin(window, empty.range)) return;
  }
  throw new AdapterError("Cannot believe the exchange: it has candles that it does not send", {
    port: "exchange",
    op: `fetchRange ${window.map((t) => new Date(t).toISOString()).join(" ")}`,
    retryable: true,
  });
}

/** Asks for each hole of a page until its own answer is empty. */
async function fetchHoles(
  asker: VenueAsker,
  first: { range: OpenTimeRange; page: readonly Candle[] },
  delivery: Delivery,
): Promise<void> {
  const open = holesOf(asker, first);
  for (let range = open.shift(); range !== undefined; range = open.shift()) {
    const page = await asker.page(range);
    if (page.length === 0) continue;
    delivery.candles(page);
    open.push(...holesOf(asker, { range, page }));
  }
}

function holesOf(
  { interval, pageLimit }: VenueAsker,
  { range, page }: { range: OpenTimeRange; page: readonly Candle[] },
): OpenTimeRange[] {
  const last = page.at(-1)?.openTime ?? range[0];
  // A page that is full may end between two bars of one slot.
  if (page.length >= pageLimit) return last + 1 < range[1] ? [[last + 1, range[1]]] : [];
  const holes = subtractRanges([range], slotRanges(page.map((c) => c.openTime), interval));
  return holes.length <= MOST_HOLES ? holes : holes.filter(([from]) => from > last);
}

/** Learns where the next candle is. One question at a time: a lane that waited may find the answer there. */
async function lookFurther(
  asker: VenueAsker,
  window: OpenTimeRange,
  empty: KnownEmpty,
): Promise<void> {
  const before = empty.asking;
  const answer = (async () => {
    await before;
    if (isWithin(window, empty.range)) return;
    const next = await asker.firstFrom(window[0]);
    const until = next ?? Infinity;
    // Lanes run side by side: an earlier window may learn what joins.
    const [from, to] = empty.range;
    empty.range = window[0] <= to && until >= from
      ? [Math.min(from, window[0]), Math.max(to, until)]
      : [window[0], until];
  })();
  empty.asking = answer.catch(() => {});
  await answer;
}

function isWithin([from, to]: OpenTimeRange, [start, end]: OpenTimeRange): boolean {
  return from >= start && to <= end;
}
