import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { aggregate } from "@/domain/klines/aggregate.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { compareDecimals, sumDecimals } from "@/domain/klines/decimal.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { nextSlot, slotStart } from "@/domain/klines/interval.ts";
import { anyCandles, candle, utc } from "../../support/candles.ts";

const START = utc("2024-04-29");
const minute = (n: number) => START + n * 60_000;
const ALL = { partial: true } as const;

Deno.test("aggregate() takes open, extremes, close and exact sums", () => {
  const parts = [
    candle({ openTime: minute(0), open: "10", high: "10.5", low: "9", close: "10", volume: "0.1" }),
    candle({
      openTime: minute(1),
      open: "10",
      high: "11",
      low: "9.5",
      close: "9.7",
      volume: "0.2",
    }),
  ].map((c, i) => ({
    ...c,
    quoteVolume: "0.1",
    tradesCount: i + 1,
    takerBuyVolume: "0.05",
    takerBuyQuoteVolume: "0",
  }));
  deepEqual(aggregate(parts, { stored: "1m", wanted: "5m", ...ALL }), [{
    openTime: minute(0),
    open: "10",
    high: "11",
    low: "9",
    close: "9.7",
    volume: "0.3",
    closeTime: null,
    quoteVolume: "0.2",
    tradesCount: 3,
    takerBuyVolume: "0.1",
    takerBuyQuoteVolume: "0",
  }]);
});

Deno.test("aggregate() lets a minute without volume give no price, as the exchange does", () => {
  const still = { open: "5", high: "99", low: "1", close: "5", volume: "0" };
  const bars = aggregate([
    candle({ openTime: minute(0), ...still }),
    candle({ openTime: minute(1) }),
    candle({ openTime: minute(2), ...still }),
  ], { stored: "1m", wanted: "3m" });
  const { open, high, low, close, volume } = bars[0] ?? candle({ openTime: 0 });
  deepEqual({ open, high, low, close, volume }, {
    open: "10",
    high: "12",
    low: "9",
    close: "11",
    volume: "5",
  });
});

Deno.test("aggregate() uses the prices of minutes without volume where all are", () => {
  const bars = aggregate([
    candle({ openTime: minute(0), open: "7", high: "8", low: "7", close: "8", volume: "0" }),
    candle({ openTime: minute(2), open: "8", high: "8", low: "6", close: "6", volume: "0" }),
  ], { stored: "1m", wanted: "3m" });
  deepEqual(bars, [
    candle({ openTime: minute(0), open: "7", high: "8", low: "6", close: "6", volume: "0" }),
  ]);
});

Deno.test("aggregate() does not know a sum of which it misses a part", () => {
  const [bar] = aggregate([
    candle({
      ...{ openTime: minute(0), quoteVolume: "1", tradesCount: 4 },
      ...{ takerBuyVolume: "1", takerBuyQuoteVolume: "1" },
    }),
    candle({ openTime: minute(1), quoteVolume: "2", tradesCount: null, takerBuyVolume: "2" }),
  ], { stored: "1m", wanted: "5m", ...ALL });
  const { quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume } = bar ?? {};
  deepEqual({ quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume }, {
    quoteVolume: "3",
    tradesCount: null,
    takerBuyVolume: "3",
    takerBuyQuoteVolume: null,
  });
});

Deno.test("aggregate() puts both bars of a doubled minute into its slot", () => {
  const doubled = [candle({ openTime: minute(4) }), candle({ openTime: minute(4) + 20_799 })];
  const [bar] = aggregate(doubled, { stored: "1m", wanted: "5m" });
  deepEqual([bar?.openTime, bar?.volume], [minute(0), "10"]);
});

Deno.test("aggregate() starts weeks on Monday, months on the first, and makes no bar of nothing", () => {
  const days = ["2024-04-28", "2024-04-29", "2024-05-12", "2024-07-01"].map((day) =>
    candle({ openTime: utc(day) })
  );
  const openTimes = (wanted: Interval) =>
    aggregate(days, { stored: "1d", wanted, ...ALL }).map(({ openTime }) => openTime);
  deepEqual(openTimes("1w"), ["2024-04-22", "2024-04-29", "2024-05-06", "2024-07-01"].map(utc));
  deepEqual(openTimes("1M"), ["2024-04-01", "2024-05-01", "2024-07-01"].map(utc));
});

Deno.test("aggregate() drops a bar that is not complete unless asked for it", () => {
  const candles = [0, 1, 2, 3].map((n) => candle({ openTime: minute(n) }));
  const count = (more: { completeTo?: number; partial?: boolean }) =>
    aggregate(candles, { stored: "1m", wanted: "3m", ...more }).length;
  equal(count({}), 1);
  equal(count({ partial: true }), 2);
  equal(count({ completeTo: minute(6) }), 2);
  equal(count({ completeTo: minute(6) - 1 }), 1);
  equal(count({ completeTo: minute(2) }), 0);
});

Deno.test("aggregate() gives the candles themselves at their own interval, off-grid and all", () => {
  const odd = [candle({ openTime: minute(0) + 799, closeTime: minute(0) + 30_000 })];
  deepEqual(aggregate(odd, { stored: "1m", wanted: "1m" }), odd);
  deepEqual(aggregate([], { stored: "1m", wanted: "1h" }), []);
});

Deno.test("aggregate() throws for an interval that is no multiple", () => {
  throws(() => aggregate([], { stored: "3d", wanted: "1w" }), RangeError);
  throws(() => aggregate([], { stored: "1h", wanted: "1m" }), RangeError);
});

const someCandles = anyCandles("1m", { start: START - 40 * 60_000, slots: 80 });

Deno.test("aggregate() over two steps equals one step", () => {
  fc.assert(fc.property(someCandles, (candles) => {
    const heldTo = minute(60);
    const step = (from: readonly Candle[], stored: Interval, wanted: Interval) =>
      aggregate(from, { stored, wanted, completeTo: heldTo, partial: true });
    const direct = step(candles, "1m", "1h");
    deepEqual(step(step(candles, "1m", "5m"), "5m", "1h"), direct);
    deepEqual(step(step(step(candles, "1m", "3m"), "3m", "15m"), "15m", "1h"), direct);
  }));
});

Deno.test("aggregate() loses no volume and keeps every bar's prices in order", () => {
  fc.assert(
    fc.property(someCandles, fc.constantFrom<Interval>("3m", "15m", "1d"), (candles, wanted) => {
      const bars = aggregate(candles, { stored: "1m", wanted, ...ALL });
      const volume = (of: readonly Candle[]) => sumDecimals(of.map((c) => c.volume));
      equal(volume(bars), volume(candles));
      bars.forEach((bar, i) => {
        equal(slotStart(wanted, bar.openTime), bar.openTime);
        ok(i === 0 || (bars[i - 1]?.openTime ?? 0) < bar.openTime);
        ok(compareDecimals(bar.low, bar.open) <= 0 && compareDecimals(bar.close, bar.high) <= 0);
        ok(compareDecimals(bar.low, bar.close) <= 0 && compareDecimals(bar.open, bar.high) <= 0);
      });
      const slots = new Set(candles.map(({ openTime }) => slotStart(wanted, openTime)));
      deepEqual(bars.map(({ openTime }) => openTime), [...slots]);
      const complete = aggregate(candles, { stored: "1m", wanted });
      const last = candles.at(-1)?.openTime ?? 0;
      deepEqual(
        complete,
        bars.filter(({ openTime }) => nextSlot(wanted, openTime) <= nextSlot("1m", last)),
      );
    }),
  );
});
