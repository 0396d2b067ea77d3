import assert from "node:assert/strict";
import fc from "fast-check";
import { editDistance, nearSymbols } from "@/adapters/exchange/near_symbols.ts";

const KNOWN = ["BTC/USDT", "BTC/USDC", "ETH/USDT", "BTC/USDT:USDT", "DOGE/BTC", "LTC/USDT"];

Deno.test("near symbols come nearest first", () => {
  assert.deepEqual(nearSymbols("BTCUSD", KNOWN).slice(0, 2), ["BTC/USDC", "BTC/USDT"]);
});

Deno.test("near symbols leave out what has nothing in common", () => {
  assert.deepEqual(nearSymbols("XYZ/QQQ", KNOWN), []);
});

Deno.test("near symbols find a contract that is written without its settlement", () => {
  assert.deepEqual(nearSymbols("btd/usdt", ["BTC/USDT:USDT"]), ["BTC/USDT:USDT"]);
});

const text = fc.string({ maxLength: 8, unit: fc.constantFrom("A", "B", "C") });

Deno.test("edit distance is a metric", () => {
  fc.assert(fc.property(text, text, text, (a, b, c) => {
    assert.equal(editDistance(a, b), editDistance(b, a));
    assert.equal(editDistance(a, b) === 0, a === b);
    assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
    assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
  }));
});
