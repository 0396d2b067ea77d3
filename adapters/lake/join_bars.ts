import { type Interval, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import { widerScale } from "@/domain/klines/scale.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import { PLACES, type Segment } from "./near_lines.ts";
import type { RawColumn, RawColumns } from "./raw_columns.ts";

/** Columns of KLINE_COLUMNS. */
const [OPEN_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME] = [0, 1, 2, 3, 4, 5, 6] as const;
const PRICES = [OPEN, HIGH, LOW, CLOSE] as const;
const SUMS = [VOLUME, 7, 8, 9, 10] as const;
const COLUMNS = 11;

interface JoinOptions {
  readonly interval: Interval;
  readonly offsetMs?: number | undefined;
}

/**
 * Larger bars out of ascending parts of them, as `joinCandles` of domain/klines/aggregate.ts makes them, with
 * their close times. Undefined where a price is beyond what a double counts.
 */
export function joinBars(
  segments: readonly Segment[],
  { interval, offsetMs = 0 }: JoinOptions,
): Segment | undefined {
  const { scale, columns, count } = concat(segments);
  if (PRICES.some((at) => columns[at]?.wide !== undefined)) return undefined;
  const times = columns[OPEN_TIME]?.numbers ?? new Float64Array();
  const starts: number[] = [];
  let end = -Infinity;
  for (let n = 0; n < count; n++) {
    const time = times[n] ?? 0;
    if (time < end) continue;
    starts.push(n);
    end = slotEnd(interval, slotStart(interval, time, offsetMs), offsetMs);
  }
  const bars = Array.from({ length: COLUMNS }, () => new Float64Array(starts.length));
  joinTimes(times, { starts, interval, offsetMs, bars });
  joinPrices(columns.map(({ numbers }) => numbers), { starts, bars });
  const joined = bars.map((numbers, at): RawColumn => {
    const column = SUMS.some((sum) => sum === at) ? columns[at] : undefined;
    return column === undefined ? { numbers, wide: undefined } : joinSums(column, starts);
  });
  return { scale, columns: joined, count: starts.length, from: 0, to: starts.length };
}

interface Bars {
  /** First part of each bar. */
  readonly starts: readonly number[];
  /** Columns of the bars, to be filled. */
  readonly bars: readonly Float64Array[];
}

function joinTimes(
  times: Float64Array,
  { starts, bars, interval, offsetMs }: Bars & { interval: Interval; offsetMs: number },
): void {
  const [openTime, closeTime] = [bars[OPEN_TIME], bars[CLOSE_TIME]];
  if (openTime === undefined || closeTime === undefined) return;
  starts.forEach((first, at) => {
    const slot = slotStart(interval, times[first] ?? 0, offsetMs);
    openTime[at] = slot;
    closeTime[at] = slotEnd(interval, slot, offsetMs) - 1;
  });
}

/** A part without volume gives no price, unless the whole bar has none. */
function joinPrices(parts: readonly Float64Array[], { starts, bars }: Bars): void {
  const [none, volumes] = [new Float64Array(), parts[VOLUME]];
  const [opens = none, highs = none, lows = none, closes = none] = PRICES.map((at) => parts[at]);
  const [open = none, high = none, low = none, close = none] = PRICES.map((at) => bars[at]);
  starts.forEach((first, at) => {
    const end = starts[at + 1] ?? opens.length;
    let hasTraded = false;
    for (let n = first; n < end; n++) {
      const trades = volumes?.[n] !== 0;
      if (n > first && hasTraded && !trades) continue;
      if (n === first || trades && !hasTraded) {
        open[at] = opens[n] ?? 0;
        high[at] = highs[n] ?? 0;
        low[at] = lows[n] ?? 0;
      }
      hasTraded ||= trades;
      high[at] = Math.max(high[at] ?? 0, highs[n] ?? 0);
      low[at] = Math.min(low[at] ?? 0, lows[n] ?? 0);
      close[at] = closes[n] ?? 0;
    }
  });
}

/** Exact; null where a part has none. */
function joinSums({ numbers, wide }: RawColumn, starts: readonly number[]): RawColumn {
  const sums = new Float64Array(starts.length);
  const exact: (bigint | null)[] = [];
  starts.forEach((first, at) => {
    const end = starts[at + 1] ?? numbers.length;
    let sum = 0;
    for (let n = first; n < end; n++) sum += numbers[n] ?? 0;
    sums[at] = sum;
    // Nothing is negative: a sum that a double counts is exact all the way.
    if (!(sum > Number.MAX_SAFE_INTEGER)) return;
    let total = 0n;
    for (let n = first; n < end; n++) total += wide?.[n] ?? BigInt(numbers[n] ?? 0);
    exact[at] = total;
  });
  return { numbers: sums, wide: exact.length === 0 ? undefined : exact };
}

/** All rows that count, at the widest scale. */
function concat(segments: readonly Segment[]): RawColumns & { scale: Scale } {
  const scale = segments.map((segment) => segment.scale)
    .reduce(widerScale, { price: 0, volume: 0, quote: 0 });
  const count = segments.reduce((sum, { from, to }) => sum + to - from, 0);
  const columns = Array.from({ length: COLUMNS }, (_, at) => {
    const place = PLACES[at];
    const parts = segments.map(({ columns, from, to, ...segment }) => ({
      ...{ column: columns[at], from, to },
      power: place === undefined ? 0 : scale[place] - segment.scale[place],
    }));
    return concatColumn(parts, count);
  });
  return { scale, count, columns };
}

interface ColumnPart {
  readonly column: RawColumn | undefined;
  readonly from: number;
  readonly to: number;
  /** Of ten, that its values are to be multiplied by. */
  readonly power: number;
}

function concatColumn(parts: readonly ColumnPart[], count: number): RawColumn {
  const numbers = new Float64Array(count);
  const wide: (bigint | null)[] = [];
  let row = 0;
  for (const { column, from, to, power } of parts) {
    const factor = 10 ** power;
    for (let n = from; n < to; n++, row++) {
      const number = column?.numbers[n] ?? NaN;
      numbers[row] = number * factor;
      if (Math.abs(number * factor) <= Number.MAX_SAFE_INTEGER || Number.isNaN(number)) continue;
      wide[row] = (column?.wide?.[n] ?? BigInt(number)) * 10n ** BigInt(power);
    }
  }
  return { numbers, wide: wide.length === 0 ? undefined : wide };
}
