import { equal } from "node:assert/strict";
import fc from "fast-check";
import { sameSymbol, symbolFolder, unifySymbol } from "@/domain/klines/symbol.ts";

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
  ["BTC-XYZ", "BTC/XYZ"],
  ["btc/usdt", "BTC/USDT"],
  ["Btc/Usdt:usdt", "BTC/USDT:USDT"],
  ["BTC-USDT_USDT", "BTC/USDT:USDT"],
  ["btc-usdt_usdt", "BTC/USDT:USDT"],
  ["BTC-USD_BTC-240329-40000-C", "BTC/USD:BTC-240329-40000-C"],
  ["kPEPE-USDC_USDC", "kPEPE/USDC:USDC"],
  ["BTC-USD_UM-SWAP", "BTC-USD_UM-SWAP"],
  ["BTC-PERPETUAL", "BTC-PERPETUAL"],
  ["BTC-25JUN27", "BTC-25JUN27"],
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

const currency = fc.stringMatching(/^[A-Z][A-Z0-9]{0,5}$/)
  .filter((word) => !["PERP", "PERPETUAL", "SWAP"].includes(word));

Deno.test("unifySymbol() reads a folder's name back into the symbol, so that no other symbol has it", () => {
  const settled = fc.option(fc.tuple(currency, fc.option(fc.stringMatching(/^\d{6}$/))));
  fc.assert(fc.property(currency, currency, settled, (base, quote, contract) => {
    const [settle, date] = contract ?? [null, null];
    const end = settle === null ? "" : date === null ? `:${settle}` : `:${settle}-${date}`;
    const symbol = `${base}/${quote}${end}`;
    equal(unifySymbol(symbolFolder(symbol)), symbol);
  }));
});
