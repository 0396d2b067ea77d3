import type { Candle } from "@/domain/klines/candle.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { CandleRequest, Exchange } from "@/domain/ports/exchange.ts";

export interface TableOptions {
  /** Ascending. */
  readonly candles: readonly Candle[];
  readonly now: () => number;
  /** What it says a page holds, and what a page really holds. */
  readonly pageLimit?: number;
  readonly cap?: number;
  readonly seeksForward?: boolean;
  readonly id?: string;
  /** A candle appears so long after it opened. */
  readonly lagMs?: number;
  /** Asked before each answer for candles, counting from 1: what goes wrong with it. */
  readonly fault?: (n: number) => "down" | "empty" | undefined;
}

export interface TableExchange extends Exchange {
  readonly requests: readonly CandleRequest[];
}

/** A venue in memory, for the rules of crawling: it can be slow of wit, but it does not invent. */
export function tableExchange(options: TableOptions): TableExchange {
  const { candles, now, pageLimit = 1000, cap = pageLimit, seeksForward = true } = options;
  const { id = "table", lagMs = 0 } = options;
  const requests: CandleRequest[] = [];
  return {
    ...{ id, simulated: false, pageLimit, seeksForward, requests },
    time: () => Promise.resolve(now()),
    resolveSymbol: (symbol) => Promise.resolve(symbol),
    // deno-lint-ignore require-await -- failures must arrive as rejections
    async fetchCandles(request, signal) {
      signal?.throwIfAborted();
      requests.push(request);
      switch (options.fault?.(requests.length)) {
        case "down":
          throw new AdapterError("Cannot ask table: it is down", {
            ...{ port: "exchange", op: "fetchCandles", retryable: true },
          });
        case "empty":
          return [];
      }
      const { from, to, limit } = request;
      const first = indexFrom(candles, from);
      return candles.slice(first, first + Math.min(limit, cap))
        .filter(({ openTime }) => openTime < to && openTime + lagMs <= now());
    },
    close: () => Promise.resolve(),
  };
}

function indexFrom(candles: readonly Candle[], time: number): number {
  let [low, high] = [0, candles.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((candles[middle]?.openTime ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
