import type { Candle } from "../klines/candle.ts";
import type { SeriesRef } from "../klines/series_ref.ts";

/**
 * A venue we read candles from. One object a venue, shared by every task: it holds the limiter.
 * Adapters map every failure to an AdapterError with `retryable`; they do not retry.
 */
export interface Exchange {
  readonly id: string;
  /** True for made-up candles; shown wherever its series show. */
  readonly simulated: boolean;
  /** Most candles a page can hold. */
  readonly pageLimit: number;
  /** A page starts at the first candle at or after `from`, however late that is: empty means none up to `to`. */
  readonly seeksForward: boolean;
  /** The venue's clock, epoch ms. */
  time(signal?: AbortSignal): Promise<number>;
  /** The venue's unified symbol for `BTC/USDT` or `BTCUSDT`; Refusal `not_found` with near matches. */
  resolveSymbol(symbol: string, signal?: AbortSignal): Promise<string>;
  /**
   * Up to `limit` candles with `from ≤ openTime < to`, oldest first, the open candle included if the
   * venue sends it. An empty page means the venue has none there; a failure is thrown.
   */
  fetchCandles(request: CandleRequest, signal?: AbortSignal): Promise<Candle[]>;
  close(): Promise<void>;
}

export interface CandleRequest {
  readonly symbol: string;
  readonly interval: SeriesRef["interval"];
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  /** `live` (the default) goes before everything else; `reader` and `history` take turns. */
  readonly priority?: "live" | "reader" | "history" | undefined;
}

/** Gives the one object of a venue, opening it at first use. */
export interface Exchanges {
  /** Refusal `not_found` with near matches for a venue that nobody knows. */
  get(exchange: string): Promise<Exchange>;
  /** Its candles are made up. Known without opening it. */
  isSimulated(exchange: string): boolean;
  /** Venue ids that can be asked. */
  ids(): Promise<readonly string[]>;
  close(): Promise<void>;
}
