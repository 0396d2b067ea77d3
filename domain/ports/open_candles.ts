import type { Candle } from "../klines/candle.ts";
import type { SeriesRef } from "../klines/series_ref.ts";

/** The end of a series as its venue shows it. */
export interface NewestCandles {
  /** The last ones that have closed, ascending, asked for after their close. */
  readonly closed: readonly Candle[];
  /** Undefined where nobody has traded yet, and where it may have closed since. */
  readonly running: Candle | undefined;
}

/** Candles that may not be stored yet. Nothing of them is kept: losing them loses nothing. */
export interface OpenCandles {
  /**
   * As it was a few seconds ago at most, and since the last candle closed, where the venue says so
   * in time: until `until` (epoch ms), else for a second. Later only what has not changed since;
   * undefined where nothing is known. Never throws.
   */
  find(series: SeriesRef, until?: number): Promise<NewestCandles | undefined>;
}
