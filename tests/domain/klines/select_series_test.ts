import { deepEqual, throws } from "node:assert/strict";
import type { Interval } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";

const held = (interval: Interval, candles: number, symbol = "BTC/USDT") =>
  ({ exchange: "binance", symbol, interval, candles }) as const;

for (
  const [title, series, wanted, stored] of [
    ["the same one", [held("1m", 9), held("1h", 9)], "1h", "1h"],
    ["the largest that divides", [held("1m", 9), held("5m", 9), held("1d", 9)], "1h", "5m"],
    ["not an empty one where a finer one has candles", [held("1m", 9), held("1h", 0)], "1h", "1m"],
    ["not an empty one between", [held("1m", 9), held("1h", 0)], "4h", "1m"],
    ["an empty one where nothing else answers", [held("1h", 0), held("1d", 9)], "4h", "1h"],
    ["the same one where all are empty", [held("1m", 0), held("1h", 0)], "1h", "1h"],
  ] as const
) {
  Deno.test(`selectSeries takes ${title}`, () => {
    const asked = { exchange: "binance", symbol: "BTC/USDT", interval: wanted };
    deepEqual(selectSeries(series, asked).interval, stored);
  });
}

Deno.test("selectSeries refuses what nothing held can be made into", () => {
  const asked = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
  throws(() => selectSeries([held("1h", 9), held("1m", 9, "ETH/USDT")], asked), /Cannot find/);
});
