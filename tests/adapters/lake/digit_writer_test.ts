import { equal } from "node:assert/strict";
import fc from "fast-check";
import { DigitWriter } from "@/adapters/lake/digit_writer.ts";
import { plainDecimal } from "@/adapters/lake/near_lines.ts";

function written(scaled: number, scale: number): string {
  const out = new DigitWriter(0);
  out.decimal(scaled, scale);
  return new TextDecoder().decode(out.bytes());
}

Deno.test("digit writer: a number is the text of its exact decimal", () => {
  const zeros = fc.tuple(fc.maxSafeInteger(), fc.nat(15))
    .map(([n, power]) => Math.trunc(n / 10 ** power) * 10 ** power)
    .filter(Number.isSafeInteger);
  const numbers = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.nat(200), zeros);
  fc.assert(
    fc.property(numbers, fc.nat(18), (scaled, scale) => {
      equal(written(scaled, scale), plainDecimal(BigInt(scaled), scale));
    }),
    { numRuns: 5_000 },
  );
});

for (
  const [scaled, scale, text] of [
    [0, 0, "0"],
    [0, 8, "0"],
    [5, 18, "0.000000000000000005"],
    [-1_500, 3, "-1.5"],
    [1_000_000_000, 0, "1000000000"],
    [2 ** 31 - 1, 0, "2147483647"],
    [2 ** 31, 1, "214748364.8"],
    [3_000_000_000, 9, "3"],
    [3_000_000_001, 9, "3.000000001"],
    [Number.MAX_SAFE_INTEGER, 8, "90071992.54740991"],
    [9_000_000_000_000_000, 15, "9"],
  ] as const
) {
  Deno.test(`digit writer: ${scaled} at ${scale} decimals is ${text}`, () => {
    equal(written(scaled, scale), text);
  });
}
