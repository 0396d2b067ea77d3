import type { Candle } from "./candle.ts";
import { maxDecimal, minDecimal, sumDecimals } from "./decimal.ts";
import { divides, type Interval, nextSlot, slotEnd, slotStart } from "./interval.ts";

export interface AggregateOptions {
  readonly stored: Interval;
  readonly wanted: Interval;
  /** End of the last stored slot that is held; by default that of the last candle. */
  readonly completeTo?: number | undefined;
  /** Keep a bar that ends after `completeTo`. */
  readonly partial?: boolean | undefined;
}

/**
 * Larger bars out of ascending candles, as the exchange makes them: a candle without volume gives
 * no price, unless its whole bar has none; sums are exact, and null where any part lacks its value.
 * Off-grid candles belong to the slot that holds them; a slot without candles gives no bar. Throws
 * a RangeError when `stored` does not divide `wanted`.
 */
export function aggregate(
  candles: readonly Candle[],
  { stored, wanted, completeTo, partial = false }: AggregateOptions,
): Candle[] {
  if (!divides(stored, wanted)) {
    throw new RangeError(`Cannot aggregate ${wanted} from ${stored}: it is not a multiple`);
  }
  if (stored === wanted) return [...candles];
  const last = candles.at(-1);
  const heldTo = completeTo ?? (last === undefined ? 0 : nextSlot(stored, last.openTime));
  return [...Map.groupBy(candles, ({ openTime }) => slotStart(wanted, openTime))]
    .filter(([openTime]) => partial || slotEnd(wanted, openTime) <= heldTo)
    .map(([openTime, parts]) => joinCandles(openTime, parts));
}

/** One bar out of ascending parts of it; they may be bars themselves. */
export function joinCandles(openTime: number, parts: readonly Candle[]): Candle {
  const traded = parts.filter(({ volume }) => volume !== "0");
  const priced = traded.length > 0 ? traded : parts;
  const { open, close } = { open: priced.at(0)?.open ?? "0", close: priced.at(-1)?.close ?? "0" };
  return {
    openTime,
    open,
    high: priced.map(({ high }) => high).reduce(maxDecimal, open),
    low: priced.map(({ low }) => low).reduce(minDecimal, open),
    close,
    volume: sumDecimals(parts.map(({ volume }) => volume)),
    closeTime: null,
    quoteVolume: sumOrNull(parts.map(({ quoteVolume }) => quoteVolume)),
    tradesCount: countOrNull(parts.map(({ tradesCount }) => tradesCount)),
    takerBuyVolume: sumOrNull(parts.map(({ takerBuyVolume }) => takerBuyVolume)),
    takerBuyQuoteVolume: sumOrNull(parts.map(({ takerBuyQuoteVolume }) => takerBuyQuoteVolume)),
  };
}

function sumOrNull(values: readonly (string | null)[]): string | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? sumDecimals(known) : null;
}

function countOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? known.reduce((sum, n) => sum + n, 0) : null;
}
