import { fromRow } from "@/domain/klines/candle.ts";
import { type DayStats, dayStats } from "@/domain/klines/day_stats.ts";
import { DAY_MS, type Interval, intervalMs, slotEnd } from "@/domain/klines/interval.ts";
import type { Bar, BarReader } from "./bars.ts";
import { finest, type Listing } from "./listings.ts";

export interface Shape {
  readonly type: "FULL" | "MINI";
  /** Units of times in a millisecond. */
  readonly perMs: number;
}

/** The 24 hours before the end of the newest candle, in Binance's shape. */
export async function dayTicker(
  bars: BarReader,
  listing: Listing,
  shape: Shape,
): Promise<Readonly<Record<string, unknown>>> {
  const series = finest(listing);
  if (series === undefined) return written(listing, NOTHING, shape);
  const interval: Interval = series.interval === "1s" ? "1m" : series.interval;
  const { rows } = await bars.read({
    ...{ series, interval, start: undefined, end: undefined, keep: "latest" },
    limit: barsOfDay(interval) + 1,
  });
  const last = rows.at(-1);
  if (last === undefined) return written(listing, NOTHING, shape);
  const start = slotEnd(interval, last[0]) - DAY_MS;
  const inside = rows.filter((row) => row[0] >= start || row === last);
  const before = rows.findLast((row) => row[0] < start && row !== last);
  const stats = dayStats(inside.map(fromRow));
  const closeTime = last[6] ?? slotEnd(interval, last[0]) - 1;
  return written(listing, { stats, start, closeTime, before }, shape);
}

/** At least one: longer bars tell of themselves. */
function barsOfDay(interval: Interval): number {
  return interval === "1M" ? 1 : Math.max(1, DAY_MS / intervalMs(interval));
}

/** The newest price; undefined for a symbol without candles. */
export async function newestPrice(
  bars: BarReader,
  listing: Listing,
): Promise<string | undefined> {
  const series = finest(listing);
  if (series === undefined) return undefined;
  const { rows } = await bars.read({
    ...{ series, interval: series.interval, start: undefined, end: undefined },
    ...{ limit: 1, keep: "latest" },
  });
  return rows.at(-1)?.[4];
}

interface Day {
  readonly stats: DayStats | undefined;
  readonly start: number;
  readonly closeTime: number;
  /** The bar before the day. */
  readonly before: Bar | undefined;
}

const NOTHING: Day = { stats: undefined, start: 0, closeTime: 0, before: undefined };

function written(
  { ticker }: Listing,
  { stats, start, closeTime, before }: Day,
  { type, perMs }: Shape,
): Readonly<Record<string, unknown>> {
  const { open, high, low, close, volume, quoteVolume } = stats ?? EMPTY;
  const mini = {
    ...{ symbol: ticker, openPrice: open, highPrice: high, lowPrice: low, lastPrice: close },
    ...{ volume, quoteVolume, firstId: -1, lastId: -1, count: stats?.trades ?? 0 },
    ...{ openTime: start * perMs, closeTime: closeTime === 0 ? 0 : (closeTime + 1) * perMs - 1 },
  };
  if (type === "MINI") return mini;
  return {
    ...{ symbol: ticker, priceChange: stats?.change ?? "0" },
    priceChangePercent: stats?.changePct ?? "0",
    weightedAvgPrice: stats?.weightedAverage ?? "0",
    prevClosePrice: before?.[4] ?? open,
    ...{ lastPrice: close, lastQty: "0" },
    // No order book is kept: what the last trade cost is the best that is known.
    ...{ bidPrice: close, bidQty: "0", askPrice: close, askQty: "0" },
    ...mini,
  };
}

const EMPTY = {
  ...{ open: "0", high: "0", low: "0", close: "0", volume: "0", quoteVolume: "0" },
} as const;
