import { type Candle, fromRow } from "@/domain/klines/candle.ts";
import { dayCandle, type DayStats, dayStats } from "@/domain/klines/day_stats.ts";
import { DAY_MS, type Interval, intervalMs, slotEnd } from "@/domain/klines/interval.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { Bar, BarReader } from "./bars.ts";
import { finest, type Listing } from "./listings.ts";

/** One symbol of those that were asked for. */
export interface Ask {
  readonly bars: BarReader;
  readonly listing: Listing;
  /** How long running bars may be waited for, epoch ms: the same moment for all symbols. */
  readonly until: number;
}

export interface Shape {
  readonly type: "FULL" | "MINI";
  /** Units of times in a millisecond. */
  readonly perMs: number;
}

/** What is held of the day before a moment, for as long as the series stays as it is. */
interface HeldDay {
  readonly from: number;
  /** One candle for all of them. */
  readonly inside: Candle | undefined;
  readonly last: Bar | undefined;
  /** The bar before the day. */
  readonly before: Bar | undefined;
}

/** Views are made anew whenever something happens to their series. */
const heldDays = new WeakMap<SeriesView, Promise<HeldDay>>();

/** The 24 hours before the end of the newest candle, in Binance's shape. */
export async function dayTicker(
  { bars, listing, until }: Ask,
  shape: Shape,
): Promise<Readonly<Record<string, unknown>>> {
  const series = finest(listing);
  if (series === undefined) return written(listing, NOTHING, shape);
  const interval: Interval = series.interval === "1s" ? "1m" : series.interval;
  const { rows: fresh } = await bars.newest(series, interval, { until });
  const { from, inside, last, before } = await heldDay(bars, { series, interval, fresh });
  const newest = fresh.at(-1) ?? last;
  if (newest === undefined) return written(listing, NOTHING, shape);
  // Bars longer than a day tell of themselves.
  const isInside = (bar: Bar) => bar[0] >= from || bar === newest;
  const parts = [inside, ...fresh.filter(isInside).map(fromRow)].filter((one) => one !== undefined);
  const closeTime = newest[6] ?? slotEnd(interval, newest[0]) - 1;
  const day = { stats: dayStats(parts), start: from, closeTime };
  const outside = fresh.findLast((bar) => !isInside(bar)) ?? before;
  return written(listing, { ...day, before: outside }, shape);
}

interface DayQuery {
  readonly series: SeriesView;
  readonly interval: Interval;
  /** Ascending; not held yet. */
  readonly fresh: readonly Bar[];
}

async function heldDay(bars: BarReader, query: DayQuery): Promise<HeldDay> {
  const { series, interval, fresh } = query;
  const known = await heldDays.get(series)?.catch(() => undefined);
  if (known !== undefined) {
    const newest = fresh.at(-1) ?? known.last;
    const isSame = newest === undefined || dayBefore(interval, newest) === known.from;
    // Rows may be newer than the view by now, and hold the newest ones.
    const follows = (known.last?.[0] ?? -1) < (fresh[0]?.[0] ?? Infinity);
    if (isSame && follows) return known;
  }
  const read = readDay(bars, query);
  heldDays.set(series, read);
  return await read;
}

async function readDay(
  bars: BarReader,
  { series, interval, fresh }: DayQuery,
): Promise<HeldDay> {
  const rows = await bars.held({
    ...{ series, interval, start: undefined, end: fresh[0]?.[0], keep: "latest" },
    limit: barsOfDay(interval) + 1,
  });
  const last = rows.at(-1);
  const newest = fresh.at(-1) ?? last;
  const from = newest === undefined ? 0 : dayBefore(interval, newest);
  // Bars longer than a day tell of themselves.
  const isInside = (row: Bar) => row[0] >= from || row === newest;
  return {
    ...{ from, last },
    inside: dayCandle(rows.filter(isInside).map(fromRow)),
    before: rows.findLast((row) => !isInside(row)),
  };
}

function dayBefore(interval: Interval, [openTime]: Bar): number {
  return slotEnd(interval, openTime) - DAY_MS;
}

/** At least one: longer bars tell of themselves. */
function barsOfDay(interval: Interval): number {
  return interval === "1M" ? 1 : Math.max(1, DAY_MS / intervalMs(interval));
}

/** The newest price; undefined for a symbol without candles. */
export async function newestPrice({ bars, listing, until }: Ask): Promise<string | undefined> {
  const series = finest(listing);
  if (series === undefined) return undefined;
  const { rows } = await bars.read({
    ...{ series, interval: series.interval, start: undefined, end: undefined },
    ...{ limit: 1, keep: "latest", until },
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
