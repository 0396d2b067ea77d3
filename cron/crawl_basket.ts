import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { clipRanges, mergeRanges, slotRanges, subtractRanges } from "@/domain/klines/coverage.ts";
import { type Interval, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import { CSV_HEADER, csvLines } from "@/domain/klines/candle_csv.ts";
import type { Delivery } from "./fetch_range.ts";

/** As many as fit in one event. */
export const FEW_CANDLES = 256;

/** What a crawl has gathered of one period: closed candles of the wanted slots, and what was asked. */
export interface Basket extends Delivery {
  count(): number;
  /** All candles while they are few, else undefined. */
  few(): readonly Candle[] | undefined;
  /** All candles in the format of the lake's reader, with a header, in pieces. */
  csv(): readonly Uint8Array[];
  /** Wanted slots that were asked for and did not come. */
  missing(): OpenTimeRange[];
}

/** Keeps a page as its bytes: a month of minutes takes 5 MB, and none of it on the heap. */
export function createBasket(
  wanted: readonly OpenTimeRange[],
  { interval, now }: { interval: Interval; now: number },
): Basket {
  const encoder = new TextEncoder();
  const pages: Uint8Array[] = [encoder.encode(CSV_HEADER)];
  let few: Candle[] = [];
  let count = 0;
  let held: OpenTimeRange[] = [];
  let settled: OpenTimeRange[] = [];
  return {
    candles(page) {
      const kept = page.filter(({ openTime }) =>
        slotEnd(interval, openTime) <= now && holds(wanted, slotStart(interval, openTime))
      );
      count += kept.length;
      few = count <= FEW_CANDLES ? [...few, ...kept] : [];
      pages.push(encoder.encode(csvLines(kept)));
      held = mergeRanges([...held, ...slotRanges(kept.map((c) => c.openTime), interval)]);
    },
    settled(range) {
      settled = mergeRanges([...settled, range]);
    },
    count: () => count,
    few: () => count <= FEW_CANDLES ? few : undefined,
    csv: () => pages,
    missing: () => subtractRanges(settled.flatMap((range) => clipRanges(wanted, range)), held),
  };
}

/** Ranges ascending and disjoint. */
function holds(ranges: readonly OpenTimeRange[], time: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.[1] ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.[0] ?? Infinity) <= time;
}
