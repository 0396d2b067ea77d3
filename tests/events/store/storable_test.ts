import { equal } from "node:assert/strict";
import fc from "fast-check";
import { unstorable, unstorableName } from "@/events/store/storable.ts";

for (
  const [text, storable] of [
    ["plain", true],
    ["ü 漢 😀", true],
    ["\\u0000 written out", true],
    ["\\\\u0000", true],
    ["\\ud800", true],
    ["\0", false],
    ["\\\0", false],
    ["\\\\\0", false],
    ["\ud800", false],
    ["\\\udfff", false],
    ["\ude00\ud83d", false],
    ["\u0001\uffff", true],
  ] as const
) {
  Deno.test(`unstorable ${storable ? "lets pass" : "refuses"} ${JSON.stringify(text)}`, () => {
    equal(unstorable(JSON.stringify({ text })) === undefined, storable);
    equal(unstorable(JSON.stringify({ [text]: 1 })) === undefined, storable, "as a key");
  });
}

Deno.test("unstorable refuses exactly what holds U+0000 or half a pair", () => {
  const part = fc.constantFrom("\\", "\\\\", "u0000", "\0", "ud83d", "\ud83d", "\ude00", "x", '"');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const text = parts.join("");
      const storable = text.isWellFormed() && !text.includes("\0");
      equal(unstorable(JSON.stringify([text])) === undefined, storable);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("unstorableName bounds the names of streams", () => {
  equal(unstorableName("klines-binance.BTC-USDT.1m-2024-05"), undefined);
  equal(unstorableName("x".repeat(400)), undefined);
  equal(unstorableName("x".repeat(401)), "the name of its stream exceeds 400 characters");
  equal(unstorableName(""), "its stream has no name");
});
