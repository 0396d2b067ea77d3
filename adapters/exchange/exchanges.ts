import { Refusal } from "@/domain/decider.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Exchange, Exchanges } from "@/domain/ports/exchange.ts";
import type { Log } from "@/domain/ports/log.ts";
import { createBinance } from "./binance.ts";
import { createCcxtExchange } from "./ccxt.ts";
import { ccxtIds } from "./ccxt_client.ts";
import { nearSymbols } from "./near_symbols.ts";
import type { ProxySettings } from "../proxy.ts";
import { createSimulated, SIMULATED_ID, type SimulatedOptions } from "./simulated.ts";
import { openVenue } from "./venue.ts";

export interface ExchangesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Venue id → base URL that takes the place of its REST hosts. */
  readonly urls?: Readonly<Record<string, string>> | undefined;
  /** Least time between two requests to one venue; the venue's own limit where that is longer. */
  readonly intervalMs?: number | undefined;
  readonly proxy?: ProxySettings | undefined;
  readonly timeoutMs?: number | undefined;
  readonly simulated?: Omit<SimulatedOptions, "clock"> | undefined;
}

/** Every exchange of ccxt that gives candles, and the simulated one; each opened at its first use. */
export function openExchanges(options: ExchangesOptions): Exchanges {
  const opened = new Map<string, Promise<Exchange>>();

  function open(id: string): Promise<Exchange> {
    const exchange = openExchange(id, options);
    opened.set(id, exchange);
    // A venue that could not be opened is tried anew the next time.
    exchange.catch(() => opened.delete(id));
    return exchange;
  }

  return {
    get: (id) => opened.get(id) ?? open(id),
    isSimulated: (id) => id === SIMULATED_ID,
    ids: async () => [...await ccxtIds(), SIMULATED_ID],
    async close() {
      const all = await Promise.allSettled(opened.values());
      opened.clear();
      for (const one of all) if (one.status === "fulfilled") await one.value.close();
    },
  };
}

async function openExchange(id: string, options: ExchangesOptions): Promise<Exchange> {
  const { clock, log, urls = {}, intervalMs, proxy, timeoutMs, simulated } = options;
  if (id === SIMULATED_ID) return createSimulated({ clock, ...simulated });
  const baseUrl = Object.hasOwn(urls, id) ? urls[id] : undefined;
  const venue = await openVenue(id, { clock, baseUrl, intervalMs, proxy, timeoutMs });
  if (venue === undefined) throw await unknownVenue(id);
  log.debug("exchange opened", { exchange: id, baseUrl });
  return createBinance(venue, clock) ?? createCcxtExchange(venue);
}

async function unknownVenue(id: string): Promise<Refusal> {
  const near = nearSymbols(id, [...await ccxtIds(), SIMULATED_ID]);
  return new Refusal("not_found", `Cannot find exchange ${id}`, {
    field: "exchange",
    details: near.map((one) => ({ field: "exchange", message: `${one} exists` })),
  });
}
