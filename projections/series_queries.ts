import type { Source } from "@/domain/klines/candle.ts";
import type { Coverage } from "@/domain/klines/coverage.ts";
import type { Interval } from "@/domain/klines/interval.ts";

/** What the read models know of the series. */
export interface SeriesQueries {
  /** Of all series or of these, by id, ascending. */
  list(seriesIds?: readonly string[]): Promise<readonly SeriesView[]>;
  find(seriesId: string): Promise<SeriesView | undefined>;
  /** Holes between the first and the last held slot, ascending. */
  gaps(seriesId: string): Promise<readonly Gap[]>;
  /** Of this period and those after it; of all without one. */
  coverage(seriesId: string, from?: string): Promise<Coverage>;
  /** Why its crawl fails; null while it works, undefined where the series is not known. */
  lastError(seriesId: string): Promise<string | null | undefined>;
  /** What is to be crawled, by id, without a look at what it holds. */
  watched(): Promise<readonly WatchedSeries[]>;
}

export type WatchedSeries = Pick<
  SeriesView,
  "id" | "exchange" | "symbol" | "interval" | "historyStart" | "lastError"
>;

export interface SeriesView {
  readonly id: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly interval: Interval;
  readonly watched: boolean;
  readonly simulated: boolean;
  /** Best source of its candles; null without candles. */
  readonly source: Source | null;
  readonly firstOpenTime: number | null;
  readonly lastOpenTime: number | null;
  readonly candles: number;
  readonly hotRows: number;
  readonly coldMonths: number;
  /** Held slots of [first, last] in percent; null without candles. */
  readonly coveragePct: number | null;
  readonly gaps: number;
  readonly historyStart: number | null;
  readonly lastCrawledAt: Date | null;
  readonly lastError: string | null;
}

export interface Gap {
  readonly from: number;
  readonly to: number;
  /** Slots. */
  readonly missing: number;
  readonly verifiedEmpty: boolean;
}

/** The same order in every database, whatever its collation. */
export function byId(a: Pick<SeriesView, "id">, b: Pick<SeriesView, "id">): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
