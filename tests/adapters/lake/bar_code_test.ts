import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeBars, encodeBars } from "@/adapters/lake/bar_code.ts";
import type { RawColumn, RawColumns } from "@/adapters/lake/raw_columns.ts";

const HOUR_MS = 3_600_000;

type Value = bigint | null;

function columnOf(values: readonly Value[]): RawColumn {
  const isWide = (value: Value) => value !== null && value > BigInt(Number.MAX_SAFE_INTEGER);
  const numbers = Float64Array.from(values, (value) => value === null ? NaN : Number(value));
  return { numbers, wide: values.some(isWide) ? values : undefined };
}

/** Exact values, however a column holds them. */
function valuesOf({ numbers, wide }: RawColumn): Value[] {
  return Array.from(numbers, (n, at) => Number.isNaN(n) ? null : wide?.[at] ?? BigInt(n));
}

const price = fc.bigInt({ min: -(2n ** 49n), max: 2n ** 49n });
const small = fc.bigInt({ min: 0n, max: 100_000n });
const sum = fc.oneof(
  small,
  fc.bigInt({ min: 0n, max: 2n ** 100n }),
  fc.constantFrom(2n ** 53n - 2n, 2n ** 53n - 1n, 2n ** 53n, 127n, 128n),
);

/** What many rows share: decimals that none of them needs. */
const unit = fc.constantFrom(1n, 10n, 100_000n);

const bars: fc.Arbitrary<RawColumns> = fc.tuple(fc.nat(12), unit, fc.boolean()).chain(
  ([count, unit, hasDetail]) => {
    const rows = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: count, maxLength: count });
    const units = (one: fc.Arbitrary<bigint>) => one.map((value) => value * unit);
    const detail = hasDetail ? rows(fc.option(sum)) : rows(fc.constant(null));
    return fc.tuple(
      rows(fc.integer({ min: 1, max: 3 })).map((steps) => {
        let at = 400_000;
        return steps.map((step) => BigInt((at += step) * HOUR_MS));
      }),
      ...Array.from({ length: 4 }, () => rows(fc.oneof(units(small), price))),
      rows(fc.oneof(units(small), sum)),
      rows(fc.constant(null)),
      ...Array.from({ length: 4 }, () => detail),
    ).map((columns) => ({ count, columns: columns.map(columnOf) }));
  },
);

Deno.test("bars become text and the same bars again, whatever their sums", () => {
  fc.assert(
    fc.property(bars, (given) => {
      const text = encodeBars(given, HOUR_MS);
      ok(text !== undefined && /^[A-Za-z0-9+/=]*$/.test(text));
      const found = decodeBars(text, HOUR_MS);
      equal(found.count, given.count);
      deepEqual(found.columns.map(valuesOf), given.columns.map(valuesOf));
    }),
    { numRuns: 500 },
  );
});

function oneBar(changes: Partial<Record<number, Value>>): RawColumns {
  const bar: Value[] = [BigInt(HOUR_MS), 10n, 12n, 9n, 11n, 5n, null, null, null, null, null];
  const values = bar.map((value, at) => changes[at] === undefined ? value : changes[at]);
  return { count: 1, columns: values.map((value) => columnOf([value])) };
}

for (
  const [what, changes] of [
    ["a time that is no slot", { 0: 1n }],
    ["a time before the epoch", { 0: -BigInt(HOUR_MS) }],
    ["a price of seventeen digits", { 2: 10n ** 17n }],
    ["a volume below zero", { 5: -1n }],
    ["a quote volume below zero", { 7: -1n }],
  ] as const
) {
  Deno.test(`bars with ${what} do not become text`, () => {
    equal(encodeBars(oneBar(changes), HOUR_MS), undefined);
  });
}

Deno.test("text that was cut off, or has more than its bars, is no bars", () => {
  const text = encodeBars(oneBar({}), HOUR_MS) ?? "";
  const bytes = Uint8Array.fromBase64(text);
  for (let length = 0; length < bytes.length; length++) {
    throws(() => decodeBars(bytes.subarray(0, length).toBase64(), HOUR_MS), RangeError);
  }
  throws(() => decodeBars(Uint8Array.of(...bytes, 0).toBase64(), HOUR_MS), RangeError);
  throws(() => decodeBars(`${text}?`, HOUR_MS), SyntaxError);
});
