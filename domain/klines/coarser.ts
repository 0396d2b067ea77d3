import { type Interval, intervalMs } from "./interval.ts";

/** What the open times of a batch look like. */
export interface Spacing {
  readonly rows: number;
  /** The smallest distance of neighbours; all open times are slots of it. */
  readonly larger: Exclude<Interval, "1M">;
  /** Neighbours with exactly that distance. */
  readonly apart: number;
}

/** Fewer candles that are that far apart are those of a market in which little is traded. */
const LEAST_ROWS = 100;
/** Honest candles would lie on the larger grid by chance less often than once in 2^20 batches. */
const LEAST_BITS = 20;

/**
 * Whether candles without close times are those of a larger interval: all lie on its grid, most are
 * exactly one slot of it apart, and both can hardly be chance. A market in which little is traded
 * leaves minutes out, but not all of them between the hours.
 */
export function areCoarser(interval: Exclude<Interval, "1M">, spacing: Spacing): boolean {
  const { rows, larger, apart } = spacing;
  const bits = (rows - 1) * Math.log2(intervalMs(larger) / intervalMs(interval));
  return rows >= LEAST_ROWS && bits >= LEAST_BITS && apart > (rows - 1) / 2;
}
