import assert from "node:assert/strict";
import fc from "fast-check";
import { DigitWriter } from "@/adapters/lake/digit_writer.ts";
import { plainDecimal } from "@/adapters/lake/near_lines.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";

/** Of any number of digits, also those that a double cannot hold. */
const scaled = fc.integer({ min: 1, max: 38 }).chain((digits) =>
  fc.bigInt({ min: -(10n ** BigInt(digits)) + 1n, max: 10n ** BigInt(digits) - 1n })
);

function written(value: bigint, scale: number): string {
  const out = new DigitWriter(0);
  out.decimal(Number(value), scale);
  return new TextDecoder().decode(out.bytes());
}

Deno.test("a writer grows with what is written and gives no byte more", () => {
  const out = new DigitWriter(0);
  const numbers = Array.from({ length: 1_000 }, (_, n) => n * 7_919);
  for (const n of numbers) {
    out.decimal(n, 0);
    out.text(",");
  }
  assert.equal(new TextDecoder().decode(out.bytes()), numbers.map((n) => `${n},`).join(""));
});

Deno.test("a decimal without its point becomes the canonical text of its value, whatever its size", () => {
  fc.assert(
    fc.property(scaled, fc.integer({ min: 0, max: 18 }), (value, scale) => {
      const canonical = canonicalDecimal(`${value}e-${scale}`);
      fc.pre(canonical !== undefined);
      assert.equal(plainDecimal(value, scale), canonical);
      if (Number.isSafeInteger(Number(value))) assert.equal(written(value, scale), canonical);
    }),
    { numRuns: 2_000 },
  );
});

for (
  const [value, scale, text] of [
    [0n, 8, "0"],
    [1n, 18, "0.000000000000000001"],
    [10n, 8, "0.0000001"],
    [1n, 6, "0.000001"],
    [-1_500n, 3, "-1.5"],
    [370_123_000_000n, 8, "3701.23"],
    [999_999_999_999_999n, 2, "9999999999999.99"],
    [1_234_567_890_123_456_789n, 4, "123456789012345.6789"],
    [20n, 0, "20"],
    [9_007_199_254_740_991n, 0, "9007199254740991"],
    [-9_007_199_254_740_989n, 15, "-9.007199254740989"],
    [2_147_483_648n, 1, "214748364.8"],
  ] as const
) {
  Deno.test(`the decimal ${value} with ${scale} places is ${text}`, () => {
    assert.equal(plainDecimal(value, scale), text);
    if (Number.isSafeInteger(Number(value))) assert.equal(written(value, scale), text);
  });
}
