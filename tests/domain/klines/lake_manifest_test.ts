import { deepEqual, equal, match } from "node:assert/strict";
import fc from "fast-check";
import { type LakeFile, lakeManifest, lakePath } from "@/domain/klines/lake_manifest.ts";
import { seriesId, seriesRef } from "@/domain/klines/series_ref.ts";
import { anyInterval } from "../../support/candles.ts";

const FILE: LakeFile = {
  seriesId: "binance.BTC-USDT.1m",
  exchange: "binance",
  symbol: "BTC/USDT",
  interval: "1m",
  simulated: false,
  period: "2020-03",
  rows: 44_640,
  firstOpenTime: 1_583_020_800_000,
  lastOpenTime: 1_585_699_140_000,
  sha256: "a".repeat(64),
  sizeBytes: 455_000,
  scale: { price: 2, volume: 6, quote: 8 },
  position: 41,
};

const SYMBOL_PART = fc.stringMatching(/^[A-Za-z0-9]{1,9}$/);

Deno.test("the manifest says of each series and period what a reader must know", () => {
  const april = { ...FILE, period: "2020-04", rows: 10, sizeBytes: 5_000, position: 77 };
  const eth = { ...FILE, seriesId: "binance.ETH-USDT.1M", symbol: "ETH/USDT", interval: "1M" };
  const text = lakeManifest([FILE, april, { ...eth, interval: "1M", period: "all" }]);
  const { series, ...head } = JSON.parse(text);
  deepEqual(head, { version: 1, position: 77 });
  const { periods, ...btc } = series[0];
  deepEqual(btc, {
    ...{ id: FILE.seriesId, exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
    ...{ simulated: false, path: "binance/BTC-USDT/1m", rows: 44_650, bytes: 460_000 },
  });
  deepEqual(periods[0], {
    ...{ period: "2020-03", path: "binance/BTC-USDT/1m/2020-03.parquet", rows: 44_640 },
    ...{ first_open_time: FILE.firstOpenTime, last_open_time: FILE.lastOpenTime },
    ...{ sha256: FILE.sha256, bytes: 455_000, scale: FILE.scale, position: 41 },
  });
  equal(series[1].periods[0].path, "binance/ETH-USDT/1mo/all.parquet");
});

Deno.test("the manifest of nothing is one, and the same files make the same text", () => {
  deepEqual(JSON.parse(lakeManifest([])), { version: 1, position: 0, series: [] });
  equal(lakeManifest([FILE]), lakeManifest([{ ...FILE }]));
});

Deno.test("a lake path is three plain folders and a file, for every symbol that a series can have", () => {
  const symbol = fc.tuple(SYMBOL_PART, fc.array(fc.tuple(fc.constantFrom(..."/:._-"), SYMBOL_PART)))
    .map(([first, rest]) => first + rest.flat().join("")).filter((text) => text.length <= 60);
  fc.assert(fc.property(symbol, anyInterval, (text, interval) => {
    const ref = seriesRef("okx", text, interval);
    const path = lakePath({ ...ref, period: "2020" });
    match(path, /^okx\/[A-Za-z0-9][A-Za-z0-9._-]*\/[0-9]+(s|m|h|d|w|mo)\/2020\.parquet$/);
    // The folders of a path are the parts of the id, so a path leads back to its series.
    equal(path.split("/").slice(0, 3).join("."), seriesId(ref));
  }));
});
