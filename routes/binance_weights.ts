import type { AppContext } from "./envelope.ts";

/** What Binance counts a request as (https://developers.binance.com, market data endpoints). */
export const WEIGHTS = {
  ...{ exchangeInfo: 20, klines: 2 },
  /** By the number of symbols that are asked for; undefined: all. */
  dayTicker: (symbols: number | undefined): number => {
    if (symbols === undefined || symbols > 100) return 80;
    return symbols > 20 ? 40 : 2;
  },
  priceTicker: (symbols: number | undefined): number => symbols === 1 ? 2 : 4,
} as const;

/** Counts a request as what it weighs; the guard has counted one. */
export function weigh(c: AppContext, weight: number): void {
  c.get("rateSpend")?.(weight - 1);
}
