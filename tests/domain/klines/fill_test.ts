import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { fillGaps } from "@/domain/klines/fill.ts";
import { nextSlot, slotStart } from "@/domain/klines/interval.ts";
import { anyCandles, candle, slotsOf, utc } from "../../support/candles.ts";

const START = utc("2024-05-01");
const minute = (n: number) => START + n * 60_000;
const HOUR: [number, number] = [START, minute(60)];

Deno.test("fillGaps() stands still at the previous close, null where the venue sends nothing", () => {
  const before = candle({ openTime: minute(0), close: "11", quoteVolume: "9", tradesCount: 2 });
  const after = candle({ openTime: minute(3) });
  const still = { open: "11", high: "11", low: "11", close: "11", volume: "0" };
  deepEqual(fillGaps([before, after], "1m", HOUR), [
    before,
    candle({ openTime: minute(1), ...still, quoteVolume: "0", tradesCount: 0 }),
    candle({ openTime: minute(2), ...still, quoteVolume: "0", tradesCount: 0 }),
    after,
  ]);
});

Deno.test("fillGaps() makes nothing up before the first and after the last candle", () => {
  const only = candle({ openTime: minute(30) });
  deepEqual(fillGaps([only], "1m", HOUR), [only]);
  deepEqual(fillGaps([], "1m", HOUR), []);
});

Deno.test("fillGaps() goes on from a candle before the range without showing it", () => {
  const candles = [candle({ openTime: minute(-5), close: "12" }), candle({ openTime: minute(1) })];
  const filled = fillGaps(candles, "1m", HOUR);
  deepEqual(filled.map(({ openTime, open }) => [openTime, open]), [
    [minute(0), "12"],
    [minute(1), "10"],
  ]);
});

Deno.test("fillGaps() makes up no slot that opens before the range", () => {
  const candles = [candle({ openTime: minute(-5) }), candle({ openTime: minute(2) })];
  const openTimes = fillGaps(candles, "1m", [minute(0) + 1, minute(60)]).map((c) => c.openTime);
  deepEqual(openTimes, [minute(1), minute(2)]);
});

Deno.test("fillGaps() takes an off-grid candle as its slot's and keeps both of a doubled one", () => {
  const odd = [0, 20_799, 120_000].map((ms) => candle({ openTime: START + ms }));
  const openTimes = fillGaps(odd, "1m", HOUR).map(({ openTime }) => openTime - START);
  deepEqual(openTimes, [0, 20_799, 60_000, 120_000]);
});

Deno.test("fillGaps() follows the calendar for months", () => {
  const months = [candle({ openTime: utc("2024-01-01") }), candle({ openTime: utc("2024-04-01") })];
  const openTimes = fillGaps(months, "1M", [0, Infinity]).map(({ openTime }) => openTime);
  deepEqual(openTimes, ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"].map(utc));
});

Deno.test("fillGaps() keeps every candle, fills every slot between once and adds no volume", () => {
  fc.assert(fc.property(anyCandles("1m", { start: START, slots: 40 }), (candles) => {
    const filled = fillGaps(candles, "1m", HOUR);
    deepEqual(filled.filter((c) => candles.includes(c)), candles);
    const [first, last] = [candles.at(0)?.openTime ?? 0, candles.at(-1)?.openTime ?? -1];
    const all = slotsOf([[slotStart("1m", first), nextSlot("1m", last)]], "1m");
    const slots = filled.map(({ openTime }) => slotStart("1m", openTime));
    deepEqual([...new Set(slots)], candles.length === 0 ? [] : all);
    filled.forEach((c, i) => {
      if (candles.includes(c)) return;
      equal(c.volume, "0");
      deepEqual([c.open, c.high, c.low, c.close], Array(4).fill(filled[i - 1]?.close));
    });
    deepEqual(fillGaps(filled, "1m", HOUR), filled);
  }));
});
