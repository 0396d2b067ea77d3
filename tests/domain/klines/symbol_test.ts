import { equal } from "node:assert/strict";
import fc from "fast-check";
import { sameSymbol, unifySymbol } from "@/domain/klines/symbol.ts";

const UNIFIED: readonly [string, string][] = [
  ["BTCUSDT", "BTC/USDT"],
  ["btcusdt", "BTC/USDT"],
  ["1000SHIBUSDC", "1000SHIB/USDC"],
  ["BTCFDUSD", "BTC/FDUSD"],
  ["BTCTUSD", "BTC/TUSD"],
  ["BTCUSD", "BTC/USD"],
  ["ETHBTC", "ETH/BTC"],
  ["USDTTRY", "USDT/TRY"],
  ["BTC-USDT", "BTC/USDT"],
  ["BTC_USDT", "BTC/USDT"],
  ["BTC-USDT-SWAP", "BTC/USDT:USDT"],
  ["BTC/USDT", "BTC/USDT"],
  ["BTC/USDT:USDT", "BTC/USDT:USDT"],
  ["kPEPE/USDC:USDC", "kPEPE/USDC:USDC"],
  ["RB0", "RB0"],
  ["USDT", "USDT"],
  ["BTC-XYZ", "BTC-XYZ"],
  ["", ""],
];

for (const [text, symbol] of UNIFIED) {
  Deno.test(`unifySymbol() makes ${symbol || "nothing"} of ${text || "nothing"}`, () => {
    equal(unifySymbol(text), symbol);
  });
}

Deno.test("unifySymbol() settles in the quote on a venue of linear contracts only", () => {
  equal(unifySymbol("BTCUSDT", "binanceusdm"), "BTC/USDT:USDT");
  equal(unifySymbol("BTC/USDC", "binanceusdm"), "BTC/USDC:USDC");
  equal(unifySymbol("BTC/USDT:USDT", "binanceusdm"), "BTC/USDT:USDT");
  equal(unifySymbol("BTCUSDT", "bybit"), "BTC/USDT");
});

Deno.test("unifySymbol() leaves what it has unified", () => {
  const letters = fc.string({ unit: fc.constantFrom(..."BTCUSDEHF/:-_1".split("")) });
  fc.assert(fc.property(letters, fc.constantFrom("binance", "binanceusdm"), (text, exchange) => {
    const once = unifySymbol(text, exchange);
    equal(unifySymbol(once, exchange), once);
  }));
});

const SAME: readonly [string, string, boolean][] = [
  ["BTC/USDT", "BTC/USDT", true],
  ["BTC/USDT", "BTCUSDT", true],
  ["btc-usdt", "BTCUSDT", true],
  ["BTCUSDT", "BTC/USDT:USDT", true],
  ["BTC/USDT", "BTC/USDT:USDT", false],
  ["BTCUSDT", "ETH/USDT", false],
  ["BTCUSDT", "BTC/USD:BTC", false],
  ["RB0", "rb0", true],
];

for (const [a, b, same] of SAME) {
  Deno.test(`sameSymbol() ${same ? "joins" : "parts"} ${a} and ${b}, either way round`, () => {
    equal(sameSymbol(a, b), same);
    equal(sameSymbol(b, a), same);
  });
}
