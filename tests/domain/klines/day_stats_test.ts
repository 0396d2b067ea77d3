import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { dayCandle, dayStats } from "@/domain/klines/day_stats.ts";
import { divideDecimals } from "@/domain/klines/decimal.ts";
import { anyCandles, candle, utc } from "@/tests/support/candles.ts";

const START = utc("2024-05-01");

Deno.test("dayStats tells the change, the average price and the sums", () => {
  const candles = [
    candle({ openTime: START, open: "8", quoteVolume: "50", tradesCount: 3 }),
    candle({ openTime: START + 60_000, low: "7.5", close: "9", quoteVolume: "45.5", volume: "4" }),
  ];
  deepEqual(dayStats(candles), {
    ...{ open: "8", high: "12", low: "7.5", close: "9", change: "1", changePct: "12.5" },
    ...{ weightedAverage: "10.61111111", volume: "9", quoteVolume: "95.5", trades: 3 },
  });
});

Deno.test("dayStats takes no price from a candle without volume, unless none has any", () => {
  const quiet = candle({ openTime: START, open: "1", low: "1", volume: "0" });
  equal(dayStats([quiet, candle({ openTime: START + 60_000 })])?.open, "10");
  equal(dayStats([quiet])?.open, "1");
});

Deno.test("dayStats knows no quote volume where one candle lacks it, and nothing of no candles", () => {
  const candles = [
    candle({ openTime: START, quoteVolume: "50" }),
    candle({ openTime: START + 60_000 }),
  ];
  const stats = dayStats(candles);
  deepEqual([stats?.quoteVolume, stats?.weightedAverage], ["0", "0"]);
  equal(dayStats([]), undefined);
});

Deno.test("dayStats of a price of zero changes by nothing it can be measured by", () => {
  const free = candle({ openTime: START, open: "0", low: "0" });
  equal(dayStats([free])?.changePct, "0");
});

Deno.test("dayStats agrees with arithmetic on floats", () => {
  fc.assert(
    fc.property(anyCandles("1m", { start: START, slots: 12 }), (candles) => {
      const stats = dayStats(candles);
      if (stats === undefined) return candles.length === 0;
      const priced = candles.filter(({ volume }) => volume !== "0");
      const used = priced.length > 0 ? priced : candles;
      equal(Number(stats.high), Math.max(...used.map(({ high }) => Number(high))));
      equal(Number(stats.low), Math.min(...used.map(({ low }) => Number(low))));
      const change = Number(stats.close) - Number(stats.open);
      equal(Math.abs(Number(stats.change) - change) < 1e-9, true);
      return true;
    }),
  );
});

Deno.test("divideDecimals cuts off, keeps signs and divides by no zero", () => {
  equal(divideDecimals("1", "3", { scale: 4 }), "0.3333");
  equal(divideDecimals("-1", "3", { scale: 4 }), "-0.3333");
  equal(divideDecimals("2", "0.5", { scale: 0, times: 100 }), "400");
  equal(divideDecimals("0", "7", { scale: 8 }), "0");
  equal(divideDecimals("7", "0", { scale: 8 }), undefined);
});

Deno.test("dayStats of one candle that stands for some is that of all of them", () => {
  const candles = fc.tuple(anyCandles("1m", { start: START, slots: 12 }), fc.nat(12));
  fc.assert(fc.property(candles, ([all, cut]) => {
    const [head, tail] = [all.slice(0, cut), all.slice(cut)];
    const joined = dayCandle(head);
    deepEqual(dayStats(joined === undefined ? tail : [joined, ...tail]), dayStats(all));
  }));
});
