import { dividesAt, type Interval, INTERVALS, slotEnd } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { unifySymbol } from "@/domain/klines/symbol.ts";
import { isTickerOf, tickerOf } from "@/domain/klines/ticker.ts";
import { Refusal } from "@/domain/decider.ts";
import type { SeriesView } from "@/projections/series_queries.ts";

/** A symbol of a venue with all its series. */
export interface Listing {
  readonly exchange: string;
  /** Unified: `BTC/USDT`. */
  readonly symbol: string;
  /** `BTCUSDT`. */
  readonly ticker: string;
  readonly series: readonly SeriesView[];
}

const known = new WeakMap<readonly SeriesView[], readonly Listing[]>();

/** What is held, by venue and symbol; the same object for the same series. */
export function listingsOf(views: readonly SeriesView[]): readonly Listing[] {
  const remembered = known.get(views);
  if (remembered !== undefined) return remembered;
  const groups = Map.groupBy(views, (view) => `${view.exchange} ${tickerOf(view)}`);
  const listings = [...groups.values()].flatMap((group) => {
    const series = sameTicker(group);
    const [first] = series;
    if (first === undefined) return [];
    const { exchange, symbol } = first;
    return [{ exchange, symbol, ticker: tickerOf(first), series }];
  });
  known.set(views, listings);
  return listings;
}

/** The listing of one venue that has this ticker, or else that it can only mean. */
export function listingNamed(listings: readonly Listing[], name: string): Listing | undefined {
  return listings.find(({ ticker }) => ticker === name) ??
    listings.find((listing) => isTickerOf(listing, name));
}

/** The series that answers for an interval of a symbol; undefined where none can. */
export function seriesFor(
  { exchange, symbol, series }: Listing,
  interval: Interval,
  offsetMs = 0,
): SeriesView | undefined {
  try {
    const fitting = offsetMs === 0
      ? series
      : series.filter((one) => dividesAt(one.interval, interval, offsetMs));
    return selectSeries(fitting, { exchange, symbol, interval });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** A ticker is one symbol: the one that is written as ccxt does, of several the one with most candles. */
function sameTicker(series: readonly SeriesView[]): readonly SeriesView[] {
  const symbols = [...Map.groupBy(series, ({ symbol }) => symbol)].map(([symbol, views]) => ({
    views,
    unified: views.every(({ exchange }) => unifySymbol(symbol, exchange) === symbol) ? 1 : 0,
    candles: views.reduce((total, { candles }) => total + candles, 0),
  }));
  const [best] = symbols.toSorted((a, b) => b.unified - a.unified || b.candles - a.candles);
  return best?.views ?? [];
}

/** A candle may come this much later than another of the same moment. */
const LATENESS_MS = 120_000;

/**
 * Its series that goes on to the newest candle; of several the one of the shortest candles, seconds
 * aside where there are minutes.
 */
export function finest({ series }: Listing): SeriesView | undefined {
  const order = [...INTERVALS.filter((interval) => interval !== "1s"), "1s"];
  const newest = Math.max(...series.map(endOf));
  const [found] = series.filter((one) => endOf(one) >= newest - LATENESS_MS)
    .toSorted((a, b) => order.indexOf(a.interval) - order.indexOf(b.interval));
  return found;
}

function endOf({ interval, lastOpenTime }: SeriesView): number {
  return lastOpenTime === null ? -Infinity : slotEnd(interval, lastOpenTime);
}
