import { SINA } from "@/domain/klines/market_calendar.ts";
import type { Exchanges } from "@/domain/ports/exchange.ts";

/**
 * Refusal `not_found` with near matches for a venue that nobody knows: a slip of the pen must not found
 * one. Sina's candles come by a source, not from an exchange.
 */
export async function guardVenue(exchanges: Pick<Exchanges, "get">, id: string): Promise<void> {
  if (id !== SINA) await exchanges.get(id);
}
