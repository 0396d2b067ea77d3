import { Refusal } from "@/domain/decider.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { nextSlot, slotFrom } from "@/domain/klines/interval.ts";
import { unifySymbol } from "@/domain/klines/symbol.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { CandleRequest, Exchange } from "@/domain/ports/exchange.ts";
import { barOf } from "./simulated_bars.ts";
import { createMarket, type SimulatedMarket } from "./simulated_market.ts";

export const SIMULATED_ID = "simulated";

export interface SimulatedOptions {
  readonly clock: Clock;
  readonly seed?: number | undefined;
  /** Open time of the first candle of every symbol; Binance's first day by default. */
  readonly listedAt?: number | undefined;
}

const FIRST_DAY = Date.UTC(2017, 7, 17, 4);
const PAGE_LIMIT = 1000;
/** Long bars are added up from minutes: others get their turn after this much work. */
const BREATHE_MS = 8;

/** A made-up venue. Every candle follows from the seed, the symbol and the time alone. */
export function createSimulated(
  { clock, seed = 1, listedAt = FIRST_DAY }: SimulatedOptions,
): Exchange {
  const markets = new Map<string, SimulatedMarket>();

  function market(text: string): SimulatedMarket {
    const symbol = resolve(text);
    const known = markets.get(symbol) ?? createMarket(seed, symbol);
    markets.set(symbol, known);
    return known;
  }

  return {
    id: SIMULATED_ID,
    simulated: true,
    pageLimit: PAGE_LIMIT,
    seeksForward: true,
    time: () => Promise.resolve(clock.now()),
    // deno-lint-ignore require-await -- a refusal must arrive as a rejection
    async resolveSymbol(symbol) {
      return resolve(symbol);
    },
    async fetchCandles({ symbol, interval, from, to, limit }, signal) {
      signal?.throwIfAborted();
      const bars = { market: market(symbol), interval };
      const page: Candle[] = [];
      let breathedAt = performance.now();
      let openTime = slotFrom(interval, Math.max(from, listedAt));
      while (page.length < Math.min(limit, PAGE_LIMIT) && openTime < to) {
        const now = clock.now();
        if (openTime >= now) break;
        const candle = barAt(bars, openTime, now);
        if (candle !== undefined) page.push(candle);
        openTime = nextSlot(interval, openTime);
        if (performance.now() - breathedAt < BREATHE_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        signal?.throwIfAborted();
        breathedAt = performance.now();
      }
      return page;
    },
    close: () => Promise.resolve(),
  };
}

/** The open bar shows what has happened of it. */
function barAt(
  { market, interval }: Pick<CandleRequest, "interval"> & { market: SimulatedMarket },
  openTime: number,
  now: number,
): Candle | undefined {
  const to = Math.min(nextSlot(interval, openTime), Math.floor(now / 1_000) * 1_000);
  return to > openTime ? barOf(market, openTime, { from: openTime, to }) : undefined;
}

function resolve(text: string): string {
  const symbol = unifySymbol(text, SIMULATED_ID);
  if (/^[A-Z0-9]+\/[A-Z0-9]+(:[A-Z0-9]+)?$/.test(symbol)) return symbol;
  throw new Refusal("not_found", `Cannot simulate ${text}: no symbol like BTC/USDT`, {
    field: "symbol",
    details: [{ field: "symbol", message: "BTC/USDT exists" }],
  });
}
