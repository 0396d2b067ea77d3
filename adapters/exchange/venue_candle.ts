import type { Candle } from "@/domain/klines/candle.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";
import { type Interval, slotEnd } from "@/domain/klines/interval.ts";
import { parseTime } from "@/domain/klines/time.ts";
import type { CandleRequest } from "@/domain/ports/exchange.ts";
import { VenueFailure } from "./venue_failure.ts";

/**
 * A candle from Binance's columns: open time, open, high, low, close, volume, close time, quote
 * volume, trades, taker buy volume, taker buy quote volume. What is left out becomes null; numbers
 * that cannot be read stay as they came, for the validation that counts them.
 */
export function toCandle(values: readonly unknown[], interval: Interval): Candle {
  const [openTime, open, high, low, close, volume, closeTime, quote, trades, taker] = values;
  const at = time(openTime);
  if (at === undefined) {
    throw new VenueFailure("it sent a candle without an open time", { retryable: true });
  }
  const end = time(closeTime) ?? null;
  return {
    openTime: at,
    open: decimal(open) ?? "",
    high: decimal(high) ?? "",
    low: decimal(low) ?? "",
    close: decimal(close) ?? "",
    volume: decimal(volume) ?? "",
    closeTime: end === slotEnd(interval, at) - 1 ? null : end,
    quoteVolume: decimal(quote),
    tradesCount: trades === undefined || trades === null ? null : Number(trades),
    takerBuyVolume: decimal(taker),
    takerBuyQuoteVolume: decimal(values[10]),
  };
}

/** What of a page was asked for, ascending and each open time once: the last row of it wins. */
export function inRange(
  candles: readonly Candle[],
  { from, to, limit }: CandleRequest,
): Candle[] {
  const wanted = new Map(
    candles.filter(({ openTime }) => openTime >= from && openTime < to)
      .map((candle) => [candle.openTime, candle]),
  );
  return [...wanted.values()].sort((a, b) => a.openTime - b.openTime).slice(0, limit);
}

function time(value: unknown): number | undefined {
  return typeof value === "number" || typeof value === "string" ? parseTime(value) : undefined;
}

function decimal(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  const text = String(value);
  return canonicalDecimal(text) ?? text;
}
