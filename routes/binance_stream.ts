import { type Interval, isInterval, slotEnd } from "@/domain/klines/interval.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { Bar } from "./bars.ts";
import { BinanceError, invalidSymbol } from "./binance_errors.ts";
import { type Listing, listingNamed, seriesFor } from "./listings.ts";

/** As at Binance, streams of one connection. */
export const MAX_STREAMS = 1_024;
const STREAM = /^([a-zA-Z0-9._-]{1,50})@kline_(\w{2,3})$/;

export function tooManyStreams(): BinanceError {
  return new BinanceError(2, "Invalid request: too many parameters");
}

/** What a stream carries. */
export interface Stream {
  readonly ticker: string;
  readonly series: SeriesView;
  readonly interval: Interval;
}

/** What `btcusdt@kline_1m` means among the symbols; throws a BinanceError. */
export function streamOf(name: string, listings: readonly Listing[]): Stream {
  const [, symbol = "", interval = ""] = STREAM.exec(name) ?? [];
  if (symbol === "") throw new BinanceError(2, "Invalid request: invalid stream");
  if (!isInterval(interval)) throw new BinanceError(-1120, "Invalid interval.");
  const listing = listingNamed(listings, symbol.toUpperCase());
  if (listing === undefined) throw invalidSymbol();
  const series = seriesFor(listing, interval);
  if (series === undefined) throw new BinanceError(-1120, "Invalid interval.");
  return { ticker: listing.ticker, series, interval };
}

/** A bar as a stream sends it. Numbers of trades are not known here: -1 is what Binance sends where there are none. */
export function klineMessage(
  [openTime, open, high, low, close, volume, closeTime, quote, trades, taker, takerQuote]: Bar,
  { closed, ticker, interval, now, perMs }: {
    readonly closed: boolean;
    readonly ticker: string;
    readonly interval: Interval;
    readonly now: number;
    readonly perMs: number;
  },
): unknown {
  const end = closeTime === null ? slotEnd(interval, openTime) : closeTime + 1;
  return {
    ...{ e: "kline", E: now * perMs, s: ticker },
    k: {
      ...{ t: openTime * perMs, T: end * perMs - 1, s: ticker, i: interval, f: -1, L: -1 },
      ...{ o: open, c: close, h: high, l: low, v: volume, n: trades ?? 0, x: closed },
      ...{ q: quote ?? "0", V: taker ?? "0", Q: takerQuote ?? "0", B: "0" },
    },
  };
}
