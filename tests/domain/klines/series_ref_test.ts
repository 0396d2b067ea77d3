import { deepEqual, equal, match, notEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@/domain/decider.ts";
import { INTERVALS } from "@/domain/klines/interval.ts";
import {
  formatSeries,
  lakeFolder,
  parseSeries,
  seriesId,
  type SeriesRef,
} from "@/domain/klines/series_ref.ts";

const SPOT: SeriesRef = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" };
const PERPETUAL: SeriesRef = { exchange: "binanceusdm", symbol: "BTC/USDT:USDT", interval: "1M" };

const READ: readonly [string, SeriesRef][] = [
  ["binance:BTC/USDT:1m", SPOT],
  ["binance:BTCUSDT:1m", SPOT],
  ["binance:btcusdt:1m", SPOT],
  ["binanceusdm:BTC/USDT:USDT:1M", PERPETUAL],
  ["binanceusdm:BTCUSDT:1M", PERPETUAL],
  ["binanceusdm:BTC/USDT:1M", PERPETUAL],
  ["okx:BTC-USDT-SWAP:4h", { exchange: "okx", symbol: "BTC/USDT:USDT", interval: "4h" }],
  ["deribit:BTC/USD:BTC-240329-40000-C:1d", {
    exchange: "deribit",
    symbol: "BTC/USD:BTC-240329-40000-C",
    interval: "1d",
  }],
  ["sina:RB0:1d", { exchange: "sina", symbol: "RB0", interval: "1d" }],
];

for (const [text, series] of READ) {
  Deno.test(`parseSeries() reads ${text}`, () => deepEqual(parseSeries(text), series));
}

const REFUSED: readonly [string, string | undefined][] = [
  ["", "series"],
  ["binance", "series"],
  ["binance:1m", "series"],
  ["binance::1m", "symbol"],
  [":BTC/USDT:1m", "exchange"],
  ["binance:BTC/USDT:", "interval"],
  ["binance:BTC/USDT:2m", "interval"],
  ["binance:BTC/USDT:1M ", "interval"],
  ["Binance:BTC/USDT:1m", "exchange"],
  ["bin.ance:BTC/USDT:1m", "exchange"],
  ["binance:../../etc/passwd:1m", "symbol"],
  ["binance:BTC//USDT:1m", "symbol"],
  ["binance:BTC/..:1m", "symbol"],
  ["binance:BTC/USDT'; drop table event; --:1m", "symbol"],
  ["binance:BTC\u0000/USDT:1m", "symbol"],
  [`binance:${"A".repeat(81)}:1m`, "symbol"],
];

for (const [text, field] of REFUSED) {
  Deno.test(`parseSeries() refuses ${JSON.stringify(text.slice(0, 40))} naming the ${field}`, () => {
    throws(() => parseSeries(text), (error) => {
      ok(error instanceof Refusal);
      equal(error.code, "validation_error");
      equal(error.field, field);
      match(error.message, /^Cannot read series ".*": .+[^.]$/s);
      return true;
    });
  });
}

Deno.test("seriesId() and lakeFolder() name a series safely for disks that ignore case", () => {
  equal(seriesId(SPOT), "binance.BTC-USDT.1m");
  equal(seriesId(PERPETUAL), "binanceusdm.BTC-USDT_USDT.1mo");
  equal(lakeFolder(SPOT), "binance/BTC-USDT/1m");
  equal(lakeFolder(PERPETUAL), "binanceusdm/BTC-USDT_USDT/1mo");
  notEqual(seriesId({ ...SPOT, interval: "1M" }).toLowerCase(), seriesId(SPOT).toLowerCase());
});

const word = fc.stringMatching(/^[A-Z0-9]{1,6}$/);
const anySeries = fc.record({
  exchange: fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/),
  symbol: fc.oneof(
    fc.tuple(word, word).map(([base, quote]) => `${base}/${quote}`),
    fc.tuple(word, word, word).map(([base, quote, settle]) => `${base}/${quote}:${settle}`),
  ),
  interval: fc.constantFrom(...INTERVALS),
}).filter(({ exchange }) => exchange !== "binanceusdm");

Deno.test("parseSeries() reads back what formatSeries() writes", () => {
  fc.assert(fc.property(anySeries, (series) => {
    deepEqual(parseSeries(formatSeries(series)), series);
  }));
});

Deno.test("seriesId() gives series that differ ids that differ", () => {
  fc.assert(fc.property(anySeries, anySeries, (a, b) => {
    equal(seriesId(a) === seriesId(b), formatSeries(a) === formatSeries(b));
    match(seriesId(a), /^[A-Za-z0-9._-]+$/);
  }));
});

Deno.test("parseSeries() either refuses a text or gives names that no path can climb with", () => {
  const nasty = fc.string({ unit: fc.constantFrom(..."aA0/:.-_ ~\\%\u0000é".split("")) });
  fc.assert(fc.property(nasty, (symbol) => {
    try {
      const series = parseSeries(`x:${symbol}:1m`);
      match(seriesId(series), /^[A-Za-z0-9._-]+$/);
      ok(!lakeFolder(series).split("/").some((part) => part === "" || /^\.+$/.test(part)));
      equal(lakeFolder(series).split("/").length, 3);
    } catch (error) {
      ok(error instanceof Refusal);
    }
  }));
});
