import { SINA } from "@/domain/klines/market_calendar.ts";
import type { Exchanges } from "@/domain/ports/exchange.ts";

/**
 * Refusal `not_found` with near matches for a venue that nobody knows: a slip of the pen must not found
 * one. Sina's candles come by a source, not from an exchange.
 */
export async function guardVenue(exchanges: Pick<Exchanges, "get">, id: string): Promise<void> {
  if (id !== SINA) await exchanges.get(id);
}

interface Venues extends Pick<Exchanges, "isSimulated" | "ids"> {
  require(exchange: string): Promise<void>;
  resolveSymbol(exchange: string, symbol: string, signal: AbortSignal): Promise<string>;
}

/** What the API asks of venues. */
export function venuesOf(exchanges: Exchanges): Venues {
  return {
    ...{ isSimulated: exchanges.isSimulated, ids: exchanges.ids },
    require: (exchange) => guardVenue(exchanges, exchange),
    resolveSymbol: async (exchange, symbol, signal) =>
      await (await exchanges.get(exchange)).resolveSymbol(symbol, signal),
  };
}
