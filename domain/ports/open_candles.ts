import type { Candle } from "../klines/candle.ts";
import type { SeriesRef } from "../klines/series_ref.ts";

/** The candles that are still running. Nothing of them is kept: losing them loses nothing. */
export interface OpenCandles {
  /**
   * The venue's running candle as it was a few seconds ago at most; undefined when the venue does
   * not say in time: until `until` (epoch ms), else for a second. Never throws.
   */
  find(series: SeriesRef, until?: number): Promise<Candle | undefined>;
}
