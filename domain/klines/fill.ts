import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Candle } from "./candle.ts";
import { type Interval, nextSlot, slotFrom, slotStart } from "./interval.ts";

/**
 * The candles that open in the range, and between them one without volume at the previous close for
 * every slot that has none. Candles before the range only give that close. Nothing is made up
 * before the first or after the last candle.
 */
export function fillGaps(
  candles: readonly Candle[],
  interval: Interval,
  [from, to]: OpenTimeRange,
): Candle[] {
  const filled: Candle[] = [];
  let previous: Candle | undefined;
  for (const candle of candles.filter(({ openTime }) => openTime < to)) {
    if (previous !== undefined) {
      const slot = slotStart(interval, candle.openTime);
      const first = Math.max(nextSlot(interval, previous.openTime), slotFrom(interval, from));
      for (let t = first; t < slot; t = nextSlot(interval, t)) filled.push(still(t, previous));
    }
    if (candle.openTime >= from) filled.push(candle);
    previous = candle;
  }
  return filled;
}

/** A slot in which nothing was traded; what the venue does not send stays null. */
function still(openTime: number, previous: Candle): Candle {
  const { close, quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume } = previous;
  return {
    openTime,
    open: close,
    high: close,
    low: close,
    close,
    volume: "0",
    closeTime: null,
    quoteVolume: quoteVolume === null ? null : "0",
    tradesCount: tradesCount === null ? null : 0,
    takerBuyVolume: takerBuyVolume === null ? null : "0",
    takerBuyQuoteVolume: takerBuyQuoteVolume === null ? null : "0",
  };
}
