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
  // What nearly all venues send: whole ms.
  if (typeof value === "number" && value > 1e11 && value < 1e14) return Math.floor(value);
  return typeof value === "number" || typeof value === "string" ? parseTime(value) : undefined;
}

function decimal(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  const text = String(value);
  return shortened(text) ?? canonicalDecimal(text) ?? text;
}

const [ZERO, NINE, POINT] = [48, 57, 46];
/** Digits of whole part and decimals that are surely within bounds. */
const SURELY_SHORT = 18;

/**
 * The canonical text of plain digits with a point, as exchanges send them: only zeros to cut off.
 * Undefined for everything else. Ten million numbers of a long crawl leave no garbage behind.
 */
function shortened(text: string): string | undefined {
  if (text.length > SURELY_SHORT) return undefined;
  let point = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === POINT && point === -1) point = i;
    else if (code < ZERO || code > NINE) return undefined;
  }
  if (point === 0 || point === text.length - 1) return undefined;
  const whole = point === -1 ? text.length : point;
  if (whole > 1 && text.charCodeAt(0) === ZERO) return undefined;
  if (point === -1) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === ZERO) end--;
  return text.slice(0, end - 1 === point ? point : end);
}
