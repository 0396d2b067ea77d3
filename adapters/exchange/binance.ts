import { z } from "zod";
import type { Exchange } from "@/domain/ports/exchange.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { unifySymbol } from "@/domain/klines/symbol.ts";
import { type Clock, steadyNow } from "@/domain/ports/clock.ts";
import { createListing } from "./binance_listing.ts";
import type { CcxtClient } from "./ccxt_client.ts";
import { unknownSymbol } from "./near_symbols.ts";
import { checkInterval, type Venue } from "./venue.ts";
import { inRange, toCandle } from "./venue_candle.ts";
import { VenueFailure } from "./venue_failure.ts";

/** Where Binance's markets differ. */
interface Market {
  readonly without: readonly Interval[];
  klines(client: CcxtClient, params: object): Promise<unknown>;
  symbols(client: CcxtClient, params: object): Promise<unknown>;
}

const MARKETS: Readonly<Record<string, Market>> = {
  binance: {
    without: [],
    klines: (client, params) => client.publicGetKlines(params),
    symbols: (client, params) => client.publicGetExchangeInfo(params),
  },
  binanceusdm: {
    without: ["1s"],
    klines: (client, params) => client.fapiPublicGetKlines(params),
    symbols: (client, params) => client.fapiPublicGetExchangeInfo(params),
  },
};

/** The most that spot gives; USD-M would give 1,500 for twice the weight. */
const PAGE_LIMIT = 1000;

const symbolsSchema = z.object({
  symbols: z.array(z.object({
    symbol: z.string(),
    baseAsset: z.string(),
    quoteAsset: z.string(),
    marginAsset: z.string().optional(),
    contractType: z.string().optional(),
  })),
});

/**
 * Binance with the columns that ccxt's unified candles leave out. Undefined for other venues. Spot's
 * list of symbols is 20 MB: only the symbols that are asked for are looked up.
 */
export function createBinance(venue: Venue, clock: Clock): Exchange | undefined {
  const { id, client } = venue;
  const market = Object.hasOwn(MARKETS, id) ? MARKETS[id] : undefined;
  if (market === undefined) return undefined;
  const { klines, symbols, without } = market;
  const listing = createListing({
    now: steadyNow(clock),
    async ask(params, signal) {
      const answer = await venue.call("exchangeInfo", () => symbols(client, params), { signal });
      const parsed = symbolsSchema.safeParse(answer);
      if (!parsed.success) throw unusable("no list of symbols", parsed.error);
      return parsed.data.symbols.map((listed) => [unified(listed, client), listed.symbol] as const);
    },
  });

  async function marketId(text: string, signal: AbortSignal | undefined): Promise<string> {
    const wanted = unifySymbol(text, id);
    const own = wanted.replace(/:.*$/, "").replace("/", "").toUpperCase();
    const found = await listing.find({ text, wanted, own }, signal);
    if (found === undefined) throw unknownSymbol(id, text, listing.known.keys());
    return found;
  }

  return {
    id,
    simulated: false,
    pageLimit: PAGE_LIMIT,
    seeksForward: true,
    time: venue.time,
    async resolveSymbol(text, signal) {
      const own = await marketId(text, signal);
      return [...listing.known].find(([, listed]) => listed === own)?.[0] ?? text;
    },
    async fetchCandles(request, signal) {
      const { symbol, interval, from, to, limit, priority = "live" } = request;
      checkInterval(venue, interval, { without });
      const own = await marketId(symbol, signal);
      const op = `fetchCandles ${symbol} ${interval}`;
      const params = {
        ...{ symbol: own, interval, startTime: from, endTime: to - 1 },
        limit: Math.min(limit, PAGE_LIMIT),
      };
      return await venue.call(op, async () => {
        const rows = await klines(client, params);
        if (!Array.isArray(rows)) throw unusable("no list of candles");
        return inRange(rows.map((row) => toCandle(row, interval)), request);
      }, { priority, signal });
    },
    close: venue.close,
  };
}

type Listed = z.infer<typeof symbolsSchema>["symbols"][number];

function unified(
  { symbol, baseAsset, quoteAsset, marginAsset, contractType }: Listed,
  client: CcxtClient,
): string {
  const pair = `${client.safeCurrencyCode(baseAsset)}/${client.safeCurrencyCode(quoteAsset)}`;
  if (marginAsset === undefined) return pair;
  const settled = `${pair}:${client.safeCurrencyCode(marginAsset)}`;
  const delivery = /_(\d{6})$/.exec(symbol)?.[1];
  return contractType === "PERPETUAL" || delivery === undefined
    ? settled
    : `${settled}-${delivery}`;
}

function unusable(what: string, cause?: unknown): VenueFailure {
  return new VenueFailure(`it sent ${what}`, { retryable: true, cause });
}
