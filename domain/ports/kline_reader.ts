import type { Interval } from "../klines/interval.ts";
import type { ReadFormat } from "./lake.ts";

/** Reads the candles of a series wherever they lie: hot rows, period files, or aggregated from a smaller interval. */
export interface KlineReader {
  read(query: KlineQuery, signal?: AbortSignal): Promise<KlinePage>;
}

export interface KlineQuery {
  /** Series whose candles are read. */
  readonly seriesId: string;
  readonly stored: Interval;
  /** Interval asked for; a multiple of `stored`. */
  readonly interval: Interval;
  /** Bars open as clocks show them that are so far ahead of UTC; only aggregated and not filled ones. */
  readonly offsetMs?: number | undefined;
  /** Inclusive; undefined asks for the latest `limit`. */
  readonly start: number | undefined;
  /** Exclusive. */
  readonly end: number | undefined;
  /** Stored candles that open then or later do not count; only of aggregated bars. */
  readonly before?: number | undefined;
  readonly limit: number;
  readonly order: "asc" | "desc";
  readonly fill: "none" | "previous";
  readonly partial: boolean;
  readonly format: ReadFormat;
  readonly numbers: "number" | "string";
}

export interface KlinePage {
  /** JSON array text (arrays, objects), CSV with a header, Parquet, or gzipped JSON (freqtrade). */
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly firstOpenTime: number | undefined;
  readonly lastOpenTime: number | undefined;
  /** Open times of stored candles that are off the grid, in the order of the rows; only of JSON. */
  readonly irregular?: readonly number[] | undefined;
  readonly more: boolean;
  readonly cached: boolean;
}

export const KLINE_COLUMNS = [
  "open_time",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "close_time",
  "quote_volume",
  "trades_count",
  "taker_buy_volume",
  "taker_buy_quote_volume",
] as const;
