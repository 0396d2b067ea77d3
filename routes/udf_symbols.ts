import { currenciesOf, isTickerOf } from "@/domain/klines/ticker.ts";
import type { Precision } from "./bar_precision.ts";
import { type Listing, listingNamed, seriesFor } from "./listings.ts";
import { intervalOf, RESOLUTIONS } from "./udf_resolutions.ts";

/** Found without being named: the venue of most charts. */
const FIRST_VENUE = "binance";

/** `BINANCE:BTCUSDT`. */
export function fullName({ exchange, ticker }: Listing): string {
  return `${exchange.toUpperCase()}:${ticker}`;
}

export function descriptionOf({ exchange, symbol }: Listing): string {
  return `${symbol} (${exchange})`;
}

/**
 * The listing of `BINANCE:BTCUSDT` or, at binance before other venues, of `BTCUSDT`; symbols may also
 * be written as ccxt does: `OKX:BTC/USDT:USDT`.
 */
export function findListing(listings: readonly Listing[], text: string): Listing | undefined {
  const wanted = text.toUpperCase();
  // Where there is a slash before it, the colon is the contract's.
  const [, venue, name] = /^([^/:]+):(.+)$/.exec(wanted) ?? ["", undefined, wanted];
  const ofVenue = venue === undefined
    ? listings
    : listings.filter(({ exchange }) => exchange.toUpperCase() === venue);
  const places = ofVenue.toSorted((a, b) => first(a) - first(b));
  return places.find(({ symbol }) => symbol.toUpperCase() === name) ?? listingNamed(places, name);
}

function first({ exchange }: Listing): number {
  return exchange === FIRST_VENUE ? 0 : 1;
}

/** Everything that can be drawn of a symbol: stored intervals and what is made of them. */
export function symbolInfo(
  listing: Listing,
  { price, volume }: Precision,
): Readonly<Record<string, unknown>> {
  const { exchange, ticker, symbol } = listing;
  const resolutions = RESOLUTIONS.filter((name) => {
    const interval = intervalOf(name);
    return interval !== undefined && seriesFor(listing, interval) !== undefined;
  });
  const seconds = resolutions.filter((name) => name === "1S");
  const minutes = resolutions.filter((name) => /^\d+$/.test(name));
  const { quote } = currenciesOf(symbol);
  return {
    ...{ name: ticker, ticker: fullName(listing), description: descriptionOf(listing) },
    ...{ type: "crypto", session: "24x7", timezone: "Etc/UTC" },
    ...{ exchange: exchange.toUpperCase(), listed_exchange: exchange.toUpperCase() },
    ...{ minmov: 1, minmovement: 1, pricescale: 10 ** price, volume_precision: volume },
    ...{ has_seconds: seconds.length > 0, has_intraday: seconds.length + minutes.length > 0 },
    ...(seconds.length > 0 ? { seconds_multipliers: ["1"] } : {}),
    intraday_multipliers: minutes,
    has_daily: resolutions.includes("1D"),
    daily_multipliers: resolutions.filter((name) => name.endsWith("D")).map(multiplier),
    has_weekly_and_monthly: resolutions.includes("1W"),
    ...{ supported_resolutions: resolutions, format: "price", has_empty_bars: false },
    ...{ data_status: "streaming", ...(quote === "" ? {} : { currency_code: quote }) },
  };
}

export interface SymbolSearch {
  readonly query: string;
  /** Empty: of any venue. */
  readonly exchange: string;
  readonly limit: number;
}

/** Those whose ticker begins with the words first, then those that hold them anywhere. */
export function searchListings(
  listings: readonly Listing[],
  { query, exchange, limit }: SymbolSearch,
): readonly Readonly<Record<string, string>>[] {
  const words = query.toUpperCase();
  const venue = exchange.toUpperCase();
  const found = listings.filter((one) => {
    const names = [fullName(one), one.symbol.toUpperCase()];
    return (venue === "" || one.exchange.toUpperCase() === venue) &&
      (names.some((name) => name.includes(words)) || isTickerOf(one, words));
  });
  const begins = (one: Listing) => one.ticker.startsWith(words) ? 0 : 1;
  return found.toSorted((a, b) => begins(a) - begins(b)).slice(0, limit).map((one) => ({
    ...{ symbol: one.ticker, full_name: fullName(one), description: descriptionOf(one) },
    ...{ exchange: one.exchange.toUpperCase(), ticker: fullName(one), type: "crypto" },
  }));
}

function multiplier(resolution: string): string {
  return resolution.slice(0, -1);
}
