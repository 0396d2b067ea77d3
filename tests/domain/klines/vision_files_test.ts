import { deepEqual, equal, match, throws } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@/domain/decider.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import {
  monthStart,
  nextMonth,
  refuseOtherVision,
  visionFiles,
  visionPlace,
} from "@/domain/klines/vision_files.ts";
import { anyInterval, anyTime, utc } from "../../support/candles.ts";

const NOW = utc("2026-01-01");

function of(symbol: string, interval: Interval = "1m") {
  return { exchange: "binance", symbol, interval };
}

for (
  const [symbol, market, name] of [
    ["BTC/USDT", "spot", "BTCUSDT"],
    ["1000SATS/USDT", "spot", "1000SATSUSDT"],
    ["BTC/USDT:USDT", "futures/um", "BTCUSDT"],
    ["BTC/USDC:USDC", "futures/um", "BTCUSDC"],
    ["BTC/USDT:USDT-240628", "futures/um", "BTCUSDT_240628"],
    ["BTC/USD:BTC", "futures/cm", "BTCUSD_PERP"],
    ["BTC/USD:BTC-240628", "futures/cm", "BTCUSD_240628"],
    ["RB0", "spot", "RB0"],
    ["btc/usdt", "spot", "BTCUSDT"],
    ["A.B-C", "spot", "ABC"],
  ] as const
) {
  Deno.test(`visionPlace lays out ${symbol} as ${name} of ${market}`, () => {
    deepEqual(visionPlace(of(symbol)), { market, symbol: name });
  });
}

for (const symbol of ["BTC/USDT:USDT-240628-50000-C", "A/B/C", "BTC:USDT"]) {
  Deno.test(`visionPlace has no place for ${symbol}`, () => {
    throws(() => visionPlace(of(symbol)), Refusal);
  });
}

Deno.test("visionFiles names and places files as data.binance.vision does", () => {
  const range = { from: utc("2017-08-01"), to: utc("2017-10-01"), now: NOW };
  const files = visionFiles(of("BTC/USDT"), range);
  const paths = files.map(({ path }) => path);
  equal(files.length, 2 + 31 + 30);
  equal(paths[0], "spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08.zip");
  equal(paths[1], "spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2017-09.zip");
  equal(paths[2], "spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-01.zip");
  equal(paths.at(-1), "spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-09-30.zip");
  equal(
    visionFiles(of("BTC/USDT:USDT", "4h"), range)[0]?.path,
    "futures/um/monthly/klines/BTCUSDT/4h/BTCUSDT-4h-2017-08.zip",
  );
});

Deno.test("visionFiles has days up to 1d, and months alone above", () => {
  const range = { from: utc("2020-01-01"), to: utc("2020-02-01"), now: NOW };
  const cadences = (interval: Interval) =>
    visionFiles(of("BTC/USDT", interval), range).map(({ cadence }) => cadence);
  equal(cadences("1d").filter((cadence) => cadence === "daily").length, 31);
  for (const interval of ["3d", "1w", "1M"] as const) deepEqual(cadences(interval), ["monthly"]);
  match(
    visionFiles(of("BTC/USDT", "1M"), range)[0]?.path ?? "",
    /\/1mo\/BTCUSDT-1mo-2020-01\.zip$/,
  );
});

Deno.test("visionFiles leaves out days and months that are cut or not over", () => {
  const names = (from: string, to: string, now = NOW) =>
    visionFiles(of("BTC/USDT"), { from: utc(from), to: utc(to), now })
      .map(({ path }) => path.slice(path.lastIndexOf("-1m-") + 4, -4));
  deepEqual(names("2020-01-30T12:00:00", "2020-02-02T12:00:00"), ["2020-01-31", "2020-02-01"]);
  deepEqual(names("2020-02-01", "2020-02-03"), ["2020-02-01", "2020-02-02"]);
  deepEqual(names("2020-02-28", "2020-04-01", utc("2020-03-01T23:59:59")), [
    "2020-02-28",
    "2020-02-29",
  ]);
  deepEqual(names("2020-02-01", "2020-02-01"), []);
  deepEqual(names("2020-02-02", "2020-02-01"), []);
});

Deno.test("visionFiles of a cadence meet without gap and overlap, inside the range, for every range", () => {
  fc.assert(
    fc.property(anyInterval, anyTime, fc.nat(200), anyTime, (interval, from, days, now) => {
      const to = from + days * 86_400_000 + 1;
      const files = visionFiles(of("BTC/USDT", interval), { from, to, now });
      for (const cadence of ["daily", "monthly"] as const) {
        const ofCadence = files.filter((file) => file.cadence === cadence);
        ofCadence.forEach((file, i) => {
          equal(file.from >= from && file.to <= Math.min(to, now), true);
          equal(file.to, ofCadence[i + 1]?.from ?? file.to);
        });
      }
      equal(new Set(files.map(({ path }) => path)).size, files.length);
    }),
  );
});

Deno.test("months start and end by the calendar", () => {
  equal(monthStart(utc("2020-02-29T23:59:59")), utc("2020-02-01"));
  equal(nextMonth(utc("2020-12-01")), utc("2021-01-01"));
});

const SPOT = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;

Deno.test("refuseOtherVision() refuses files of another symbol or interval by their names", () => {
  for (
    const name of [
      ...["BTCUSDT-4h-2020-08.zip/BTCUSDT-4h-2020-08.csv", "in/ETHUSDT-1m-2020-08-01.zip"],
      ...["BTCUSDT-1mo-2020-08.zip", "BTCUSDT-1M-2020-08.csv", "BTCUSDT_240628-1m-2024-01.zip"],
    ]
  ) {
    throws(() => refuseOtherVision(SPOT, name), {
      ...{ name: "Refusal", code: "validation_error" },
      message: /^Cannot import .* into binance:BTC\/USDT:1m: by its name it holds .*rename it/,
    });
  }
});

Deno.test("refuseOtherVision() takes files of the series, and all that are named otherwise", () => {
  for (
    const name of [
      ...["d/BTCUSDT-1m-2020-08.zip/BTCUSDT-1m-2020-08.csv", "BTCUSDT-1m-2020-08-01.zip"],
      "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2020-08.zip",
      "spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2020-08.zip",
      ...["BTCUSDT-4h-2020.csv.gz", "candles.csv", "ETHUSDT-4h.zip", "btc-4h-2020-08.csv"],
    ]
  ) refuseOtherVision(SPOT, name);
  const coin = { exchange: "binance", symbol: "BTC/USD:BTC", interval: "1M" } as const;
  refuseOtherVision(coin, "BTCUSD_PERP-1mo-2020-08.zip");
  const dated = { exchange: "binance", symbol: "BTC/USDT:USDT-240628", interval: "1m" } as const;
  refuseOtherVision(dated, "BTCUSDT_240628-1m-2024-01.zip");
});
