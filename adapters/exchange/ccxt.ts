import type { Exchange } from "@/domain/ports/exchange.ts";
import { Refusal } from "@/domain/decider.ts";
import { unifySymbol } from "@/domain/klines/symbol.ts";
import { trusted } from "@/events/trust.ts";
import type { CcxtMarket } from "./ccxt_client.ts";
import { unknownSymbol } from "./near_symbols.ts";
import { checkInterval, type Venue } from "./venue.ts";
import { inRange, toCandle } from "./venue_candle.ts";

/** What most venues give at least, where ccxt does not say. */
const USUAL_PAGE_LIMIT = 500;

/** Any exchange of ccxt that gives candles: six columns, the details unknown. */
export function createCcxtExchange(venue: Venue): Exchange {
  const { id, client } = venue;
  if (client.has.fetchOHLCV !== true) {
    throw new Refusal("validation_error", `Cannot crawl ${id}: it gives no candles`, {
      field: "exchange",
    });
  }
  return {
    id,
    simulated: false,
    pageLimit: pageLimitOf(client.features) ?? USUAL_PAGE_LIMIT,
    seeksForward: false,
    time: venue.time,
    async resolveSymbol(symbol, signal) {
      await venue.loadMarkets(signal);
      return findSymbol(venue, symbol);
    },
    async fetchCandles(request, signal) {
      const { interval, from, limit, priority } = request;
      checkInterval(venue, interval);
      await venue.loadMarkets(signal);
      const symbol = findSymbol(venue, request.symbol);
      const rows = await venue.call(
        `fetchCandles ${symbol} ${interval}`,
        () => client.fetchOHLCV(symbol, interval, from, limit),
        { signal, ...(priority === undefined ? {} : { priority }) },
      );
      return inRange(rows.map((row) => toCandle(row, interval)), request);
    },
    close: venue.close,
  };
}

function findSymbol(
  { id, client: { markets = {}, markets_by_id = {} } }: Venue,
  text: string,
): string {
  const unified = unifySymbol(text, id);
  if (Object.hasOwn(markets, unified)) return unified;
  const own = Object.hasOwn(markets_by_id, text) ? markets_by_id[text] : undefined;
  const market = best(own ?? []);
  if (market !== undefined) return market.symbol;
  throw unknownSymbol(id, text, Object.keys(markets));
}

/** One id may name a spot pair and a contract. */
function best(markets: readonly CcxtMarket[]): CcxtMarket | undefined {
  return markets.find(({ spot, active }) => spot === true && active !== false) ?? markets[0];
}

type Page = { readonly fetchOHLCV?: { readonly limit?: number | null } | null } | null;

function pageLimitOf(features: unknown): number | undefined {
  const { spot, swap, default: usual } = trusted<{
    spot?: Page;
    swap?: Page & { linear?: Page } | null;
    default?: Page;
  }>(features ?? {});
  for (const page of [spot, swap?.linear, swap, usual]) {
    const limit = page?.fetchOHLCV?.limit;
    if (typeof limit === "number" && limit > 0) return limit;
  }
  return undefined;
}
