import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import {
  decimal,
  neededDecimal,
  nullableText,
  optionalDecimal,
  optionalText,
  plainDecimal,
  text,
} from "@/adapters/sources/market_numbers.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";

const digits = fc.stringMatching(/^\d{1,25}$/);
const numbers = fc.record({
  sign: fc.constantFrom("", "-", "+"),
  whole: digits,
  fraction: fc.option(digits, { nil: undefined }),
  exponent: fc.option(fc.integer({ min: -30, max: 30 }), { nil: undefined }),
}).map(({ sign, whole, fraction, exponent }) =>
  sign + whole + (fraction === undefined ? "" : `.${fraction}`) +
  (exponent === undefined ? "" : `e${exponent}`)
);

Deno.test("market numbers: keep every digit and drop the zeros that say nothing", () => {
  const expected: readonly [string | number, string][] = [
    ["5808.0", "5808"],
    ["-5.12", "-5.12"],
    ["0.0037627561992121805", "0.0037627561992121805"],
    ["82.81466271334432", "82.81466271334432"],
    ["+007.50", "7.5"],
    [".5", "0.5"],
    ["5.", "5"],
    ["-0.000", "0"],
    ["1.5e3", "1500"],
    ["1.5E-3", "0.0015"],
    [1e-7, "0.0000001"],
    [" 12 ", "12"],
    [1121773572828, "1121773572828"],
  ];
  deepEqual(expected.map(([value]) => [value, plainDecimal(value)]), expected);
});

Deno.test("market numbers: every way to say nothing is null, other text is no number", () => {
  for (
    const nothing of ["", "  ", "nan", "NaN", "NAN", "null", "None", "-", "--", "inf", "-Infinity"]
  ) {
    equal(plainDecimal(nothing), null, nothing);
  }
  equal(plainDecimal(null), null);
  equal(plainDecimal(undefined), null);
  for (const other of ["abc", "1,234", "12%", "1.2.3", "e5", ".", "0x10", "1e99999", "九"]) {
    equal(plainDecimal(other), undefined, other);
  }
});

Deno.test("market numbers: are what the candles' decimals are, wherever those can hold them", () => {
  fc.assert(fc.property(numbers, (number) => {
    const canonical = canonicalDecimal(number);
    if (canonical !== undefined) equal(plainDecimal(number), canonical);
    else ok(typeof plainDecimal(number) === "string");
  }));
});

Deno.test("market numbers: a plain number stays what it is, and is worth what was written", () => {
  fc.assert(fc.property(numbers, (number) => {
    const plain = plainDecimal(number);
    ok(typeof plain === "string");
    ok(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/.test(plain), plain);
    equal(plainDecimal(plain), plain);
    equal(Number(plain) === 0 ? 0 : Number(plain), Number(number) === 0 ? 0 : Number(number));
  }));
});

Deno.test("market numbers: any text is a number, nothing, or refused; never a crash", () => {
  fc.assert(fc.property(fc.string(), (value) => {
    const plain = plainDecimal(value);
    ok(plain === null || plain === undefined || plainDecimal(plain) === plain);
  }));
});

Deno.test("market numbers: a sentinel is null however it is written, its neighbours are not", () => {
  const volatility = decimal({ sentinels: ["-100", "-200", "-300"] });
  for (const value of [-100, -200.0, "-300.0", "-3e2", "-100.000"]) {
    equal(volatility.parse(value), null, String(value));
  }
  fc.assert(fc.property(fc.integer({ min: -400, max: 400 }), fc.boolean(), (value, asText) => {
    const isSentinel = [-100, -200, -300].includes(value);
    const parsed = volatility.parse(asText ? `${value}.0` : value);
    equal(parsed, isSentinel ? null : String(value));
    // Where -100 is a number like any other.
    equal(decimal().parse(value), String(value));
  }));
});

Deno.test("market numbers: a field that is gone differs from one that holds nothing", () => {
  const read = (schema: z.ZodType, value: unknown) => z.object({ a: schema }).safeParse(value);
  for (const schema of [decimal(), nullableText()]) {
    ok(read(schema, { a: null }).success);
    ok(read(schema, { a: "" }).success);
    ok(!read(schema, {}).success);
    ok(!read(schema, { a: {} }).success);
  }
  for (const schema of [optionalDecimal(), optionalText()]) {
    deepEqual(read(schema, {}).data, { a: null });
    deepEqual(read(schema, { a: 7 }).data, { a: "7" });
  }
  for (const schema of [neededDecimal(), text()]) {
    for (const value of [{}, { a: null }, { a: "" }, { a: " " }, { a: [] }]) {
      ok(!read(schema, value).success, JSON.stringify(value));
    }
  }
  ok(!read(neededDecimal(), { a: "nan" }).success);
});
