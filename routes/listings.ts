import { type Interval, INTERVALS } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { tickerOf } from "@/domain/klines/ticker.ts";
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
  const groups = Map.groupBy(views, ({ exchange, symbol }) => `${exchange} ${symbol}`);
  const listings = [...groups.values()].flatMap((series) => {
    const [first] = series;
    if (first === undefined) return [];
    const { exchange, symbol } = first;
    return [{ exchange, symbol, ticker: tickerOf(first), series }];
  });
  known.set(views, listings);
  return listings;
}

/** The series that answers for an interval of a symbol; undefined where none can. */
export function seriesFor(
  { exchange, symbol, series }: Listing,
  interval: Interval,
): SeriesView | undefined {
  try {
    return selectSeries(series, { exchange, symbol, interval });
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** Its series of the shortest candles, seconds aside where there are minutes. */
export function finest(listing: Listing): SeriesView | undefined {
  const order = INTERVALS.filter((interval) => interval !== "1s");
  return [...order, "1s" as const].map((interval) =>
    listing.series.find((one) => one.interval === interval)
  ).find((one) => one !== undefined);
}
