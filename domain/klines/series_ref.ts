import type { Interval } from "./interval.ts";

/** What a series is: `binance:BTC/USDT:1m`. */
export interface SeriesRef {
  readonly exchange: string;
  /** ccxt's unified symbol. */
  readonly symbol: string;
  readonly interval: Interval;
}
