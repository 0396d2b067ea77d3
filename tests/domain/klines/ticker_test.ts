import { deepEqual, equal } from "node:assert/strict";
import { currenciesOf, isTickerOf, tickerOf } from "@/domain/klines/ticker.ts";

const TICKERS: readonly [exchange: string, symbol: string, ticker: string][] = [
  ["binance", "BTC/USDT", "BTCUSDT"],
  ["binance", "1000sats/usdt", "1000SATSUSDT"],
  ["okx", "BTC/USDT:USDT", "BTCUSDT.P"],
  ["binanceusdm", "BTC/USDT:USDT", "BTCUSDT"],
  ["okx", "BTC/USD:BTC", "BTCUSD_BTC.P"],
  ["binanceusdm", "BTC/USDT:USDT-250627", "BTCUSDT_250627"],
  ["okx", "BTC/USD:BTC-250627-100000-C", "BTCUSD_BTC_250627_100000_C"],
  ["sina", "RB0", "RB0"],
];

for (const [exchange, symbol, ticker] of TICKERS) {
  Deno.test(`tickerOf writes ${symbol} of ${exchange} as ${ticker}`, () => {
    equal(tickerOf({ exchange, symbol }), ticker);
  });
}

const NAMED: readonly [exchange: string, symbol: string, name: string, is: boolean][] = [
  ["binance", "BTC/USDT", "BTCUSDT", true],
  ["binance", "BTC/USDT", "BTCUSDT.P", false],
  ["binance", "BTC/USDT", "btcusdt", false],
  ["okx", "BTC/USDT:USDT", "BTCUSDT.P", true],
  ["okx", "BTC/USDT:USDT", "BTCUSDT", false],
  ["binanceusdm", "FIL/USDT:USDT", "FILUSDT", true],
  ["binanceusdm", "FIL/USDT:USDT", "FILUSDT.P", true],
  ["binanceusdm", "FIL/USDT:USDT", "FILUSDT.P.P", false],
  ["binanceusdm", "BTC/USDT:USDT-250627", "BTCUSDT_250627", true],
  ["binanceusdm", "BTC/USDT:USDT-250627", "BTCUSDT_250627.P", false],
  ["binanceusdm", "BTC/USDT", "BTCUSDT.P", false],
];

for (const [exchange, symbol, name, is] of NAMED) {
  Deno.test(`isTickerOf: ${name} is ${is ? "" : "not "}${symbol} of ${exchange}`, () => {
    equal(isTickerOf({ exchange, symbol }, name), is);
  });
}

Deno.test("currenciesOf finds base and quote, with and without a settle currency", () => {
  deepEqual(currenciesOf("BTC/USDT"), { base: "BTC", quote: "USDT" });
  deepEqual(currenciesOf("BTC/USD:BTC"), { base: "BTC", quote: "USD" });
  deepEqual(currenciesOf("RB0"), { base: "RB0", quote: "" });
});
