import fc from "fast-check";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";
import { type Interval, INTERVALS, nextSlot, slotAt, slotIndex } from "@/domain/klines/interval.ts";

/** A plain closed candle; what matters to a test is given. */
export function candle(given: Partial<Candle> & Pick<Candle, "openTime">): Candle {
  return {
    open: "10",
    high: "12",
    low: "9",
    close: "11",
    volume: "5",
    closeTime: null,
    quoteVolume: null,
    tradesCount: null,
    takerBuyVolume: null,
    takerBuyQuoteVolume: null,
    ...given,
  };
}

/** Epoch ms of text like `2024-05-01` or `2024-05-01T06:00:20.799`, read as UTC. */
export function utc(text: string): number {
  return Date.parse(text.length === 10 ? `${text}T00:00:00Z` : `${text}Z`);
}

export const anyInterval: fc.Arbitrary<Interval> = fc.constantFrom(...INTERVALS);

/** From 2000 to 2040, on any ms. */
export const anyTime: fc.Arbitrary<number> = fc.integer({
  min: utc("2000-01-01"),
  max: utc("2040-01-01"),
});

/** Canonical decimals, not negative, with few digits so that equal ones happen. */
export const amount: fc.Arbitrary<string> = fc.tuple(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 3 }),
).map(([mantissa, scale]) => canonicalDecimal(`${mantissa}e-${scale}`) ?? "0");

const detail = {
  quoteVolume: fc.option(amount),
  tradesCount: fc.option(fc.nat(9)),
  takerBuyVolume: fc.option(amount),
  takerBuyQuoteVolume: fc.option(amount),
};

/** A valid candle at this open time; often without volume, often with details left out. */
export function anyCandleAt(openTime: number): fc.Arbitrary<Candle> {
  return fc.record({
    prices: fc.tuple(amount, amount, amount, amount),
    volume: fc.oneof(fc.constant("0"), amount),
    closeTime: fc.option(fc.constant(openTime + 7)),
    ...detail,
  }).map(({ prices, ...rest }) => {
    const [low = "0", open = "0", close = "0", high = "0"] = prices.toSorted((a, b) =>
      Number(a) - Number(b)
    );
    return { openTime, open, high, low, close, ...rest };
  });
}

/** Candles ascending by open time within `slots` slots from `start`: with holes, some off the grid. */
export function anyCandles(
  interval: Interval,
  { start, slots }: { start: number; slots: number },
): fc.Arbitrary<Candle[]> {
  const first = slotIndex(interval, start);
  const openTime = fc.tuple(fc.nat(slots - 1), fc.constantFrom(0, 0, 0, 1, 799))
    .map(([slot, off]) => slotAt(interval, first + slot) + off);
  return fc.uniqueArray(openTime, { maxLength: slots })
    .map((times) => times.sort((a, b) => a - b))
    .chain((times) => fc.tuple(...times.map(anyCandleAt)));
}

/** The slots of ranges as open times: the model that the algebra of ranges is held against. */
export function slotsOf(ranges: readonly OpenTimeRange[], interval: Interval): number[] {
  return ranges.flatMap(([from, to]) => {
    const slots: number[] = [];
    for (let t = from; t < to; t = nextSlot(interval, t)) slots.push(t);
    return slots;
  });
}
