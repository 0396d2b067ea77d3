import { slotEnd } from "@/domain/klines/interval.ts";
import type { AppDeps } from "./app_deps.ts";
import { createBarStreams } from "./bar_streams.ts";
import { createPrecisions } from "./bar_precision.ts";
import { type Bar, createBarReader } from "./bars.ts";
import {
  BinanceError,
  binanceJson,
  failAsBinance,
  invalidParameter,
  invalidSymbol,
  notSupported,
} from "./binance_errors.ts";
import { choosesHeld, klinesParams, symbolsParam, wordParam } from "./binance_params.ts";
import { addBinanceSockets } from "./binance_sockets.ts";
import { symbolInfo } from "./binance_symbols.ts";
import { type Ask, dayTicker, newestPrice } from "./binance_tickers.ts";
import type { AppContext } from "./envelope.ts";
import { type Dialect, foreign, type ForeignRouter } from "./foreign.ts";
import { allEnded, createLanes } from "./lanes.ts";
import { type Listing, listingNamed, listingsOf, seriesFor } from "./listings.ts";
import type { SeriesDirectory } from "./series_directory.ts";

type Read = Parameters<AppDeps["reader"]["read"]>;

type Deps =
  & Pick<
    AppDeps,
    "reader" | "openCandles" | "projections" | "clock" | "log" | "settings" | "signal"
  >
  & { readonly directory: SeriesDirectory };

/** How long an answer waits for running candles, however many symbols it has. */
const PATIENCE_MS = 1_000;
/** Reads at one time for answers of many symbols, whoever asks: other readers come between. */
const LISTING_LANES = 4;

/** The venue whose API this is; others are named in the path. */
const VENUE = "binance";
const BASES = ["/compat/binance/api/v3", "/compat/binance/{exchange}/api/v3"] as const;

/** Binance's public spot API over what is held: REST and streams. */
export function addBinanceRoutes(router: ForeignRouter, deps: Deps): void {
  const { clock, directory, settings } = deps;
  const bars = createBarReader(deps);
  const lanes = createLanes(LISTING_LANES);
  const reader = { read: (...asked: Read) => lanes.run(() => deps.reader.read(...asked)) };
  const manyBars = createBarReader({ ...deps, reader });
  const precisions = createPrecisions(manyBars, clock);
  const dialect: Dialect = {
    ...{ tag: "Binance", fail: failAsBinance },
    // A key of Binance's own opens nothing here: it is looked at only where data are private.
    token: (c) => settings.marketData === "private" ? c.req.header("x-mbx-apikey") : undefined,
  };

  /** All symbols of the venue in the path; refuses one that is named and holds none. */
  async function listed(c: AppContext): Promise<readonly Listing[]> {
    const exchange = c.req.param("exchange");
    const all = listingsOf(await directory.list());
    const symbols = all.filter((one) => one.exchange === (exchange ?? VENUE));
    if (exchange !== undefined && symbols.length === 0) throw nothingHeld(exchange, all);
    return symbols;
  }

  /** Those that were asked for; Invalid symbol where one of them is not held. */
  async function wanted(c: AppContext): Promise<{ all: boolean; symbols: readonly Listing[] }> {
    const tickers = symbolsParam(queryOf(c));
    const symbols = await listed(c);
    if (tickers === undefined) return { all: true, symbols };
    const found = tickers.map((name) => listingNamed(symbols, name));
    if (found.includes(undefined)) throw invalidSymbol();
    return {
      all: queryOf(c).has("symbols"),
      symbols: symbols.filter((one) => found.includes(one)),
    };
  }

  /**
   * One answer for `symbol`, a list of them for everything else. A symbol without an answer is
   * missing in lists; by itself it is no symbol, so that nobody reads a price where there is none.
   */
  async function each(
    c: AppContext,
    write: (ask: Ask) => Promise<unknown>,
  ): Promise<Response> {
    const { all, symbols } = await wanted(c);
    const until = clock.now() + PATIENCE_MS;
    const ask = { bars: symbols.length > 1 ? manyBars : bars, until };
    const answers = (await allEnded(symbols.map((listing) => write({ ...ask, listing }))))
      .filter((answer) => answer !== undefined);
    const [first] = answers;
    if (!all && first === undefined) throw invalidSymbol();
    return binanceJson(c, all ? answers : first);
  }

  function get(
    name: string,
    summary: string,
    handle: (c: AppContext, perMs: number) => Response | Promise<Response>,
  ): void {
    const paths = BASES.map((base) => `${base}/${name}`);
    const spec = { dialect, method: "get", paths, access: "market", summary } as const;
    foreign(router, spec, (c) => handle(c, unitsPerMs(c)));
  }

  get("ping", "Whether it answers", (c) => binanceJson(c, {}));

  get("time", "The service's time", (c, perMs) => {
    return binanceJson(c, { serverTime: clock.now() * perMs });
  });

  get("exchangeInfo", "Symbols that are held, with filters", async (c, perMs) => {
    const isChosen = choosesHeld(queryOf(c));
    const { symbols: named } = await wanted(c);
    const symbols = isChosen ? named : [];
    const infos = await allEnded(
      symbols.map(async (listing) => symbolInfo(listing, await precisions.of(listing))),
    );
    return binanceJson(c, {
      ...{ timezone: "UTC", serverTime: clock.now() * perMs, rateLimits: limitsOf(settings) },
      ...{ exchangeFilters: [], symbols: infos },
    });
  });

  async function klines(c: AppContext, perMs: number): Promise<Response> {
    const { symbol, interval, offsetMs, startTime, endTime, limit } = klinesParams(queryOf(c));
    const listing = listingNamed(await listed(c), symbol);
    if (listing === undefined) throw invalidSymbol();
    const series = seriesFor(listing, interval, offsetMs);
    if (series === undefined && seriesFor(listing, interval) !== undefined) {
      throw invalidParameter("timeZone", `${interval} bars are held in UTC, and no smaller ones.`);
    }
    if (series === undefined) throw new BinanceError(-1120, "Invalid interval.");
    const end = endTime === undefined ? undefined : endTime + 1;
    if (startTime !== undefined && end !== undefined && startTime >= end) {
      return binanceJson(c, []);
    }
    const { rows } = await bars.read({
      ...{ series, interval, offsetMs, start: startTime, end, limit },
      keep: startTime === undefined ? "latest" : "oldest",
    });
    const toEnd = (bar: Bar) => bar[6] ?? slotEnd(interval, bar[0], offsetMs) - 1;
    return binanceJson(c, rows.map((bar) => klineOf(bar, toEnd(bar), perMs)));
  }

  get("klines", "Candles, twelve columns", klines);
  get("uiKlines", "The same for charts", klines);

  get("ticker/24hr", "The last 24 hours of a symbol", (c, perMs) => {
    const type = wordParam(queryOf(c), "type", ["FULL", "MINI"]);
    return each(c, async (ask) => {
      const ticker = await dayTicker(ask, { type, perMs });
      // A day without candles has no end.
      return ticker.closeTime === 0 ? undefined : ticker;
    });
  });

  get("ticker/price", "The newest price of a symbol", (c) =>
    each(c, async (ask) => {
      const price = await newestPrice(ask);
      return price === undefined ? undefined : { symbol: ask.listing.ticker, price };
    }));

  const streams = createBarStreams({ ...deps, bars });
  addBinanceSockets(router, { ...deps, dialect, streams, listed });

  for (const path of ["/compat/binance", "/compat/binance/*"]) {
    router.app.all(path, (c) => {
      c.set("shared", true);
      return failAsBinance(c, notSupported(), () => router.judge(notSupported(), c));
    });
  }
}

/** A slip of the pen must not look like a venue without symbols. */
function nothingHeld(exchange: string, all: readonly Listing[]): BinanceError {
  const venues = [...new Set(all.map((one) => one.exchange))].toSorted();
  const others = venues.length === 0
    ? ", nor of any other venue."
    : `; held are ${venues.join(", ")}.`;
  return invalidParameter("exchange", `Nothing of ${exchange} is held${others}`);
}

/** What a venue did not send is zero: clients expect a number. */
function klineOf(bar: Bar, closeTime: number, perMs: number): readonly unknown[] {
  const [openTime, open, high, low, close, volume, , quote, trades, taker, takerQuote] = bar;
  return [
    ...[openTime * perMs, open, high, low, close, volume, (closeTime + 1) * perMs - 1],
    ...[quote ?? "0", trades ?? 0, taker ?? "0", takerQuote ?? "0", "0"],
  ];
}

/** In which unit the caller wants times. */
function unitsPerMs(c: AppContext): number {
  const unit = c.req.header("x-mbx-time-unit")?.toUpperCase() ?? "MILLISECOND";
  if (unit === "MICROSECOND") return 1_000;
  if (unit === "MILLISECOND") return 1;
  throw invalidParameter("X-MBX-TIME-UNIT");
}

function limitsOf({ rateLimits: { market } }: Deps["settings"]): readonly unknown[] {
  if (market === 0) return [];
  const minute = { interval: "MINUTE", intervalNum: 1, limit: market };
  return [{ rateLimitType: "REQUEST_WEIGHT", ...minute }];
}

function queryOf(c: AppContext): URLSearchParams {
  return new URL(c.req.url).searchParams;
}
