import { equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  addDecimals,
  canonicalDecimal,
  compareDecimals,
  decimalScale,
  maxDecimal,
  minDecimal,
  sumDecimals,
} from "@/domain/klines/decimal.ts";

const CANONICAL: readonly [string | number | bigint, string][] = [
  ["4000.151", "4000.151"],
  ["007.50", "7.5"],
  [".5", "0.5"],
  ["5.", "5"],
  ["+5", "5"],
  ["-0.0", "0"],
  [-0, "0"],
  ["0e9999999999", "0"],
  ["1e-7", "0.0000001"],
  [1e-7, "0.0000001"],
  ["1.5E+3", "1500"],
  ["-12.50e-1", "-1.25"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e19, "10000000000000000000"],
  [9007199254740993n, "9007199254740993"],
  [" 42 ", "42"],
  ["0.000000000000000001", "0.000000000000000001"],
  ["99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"],
  ["0.1000000000000000000000000", "0.1"],
  ["0000000000000000000000001", "1"],
  ["100e-20", "0.000000000000000001"],
];

for (const [value, text] of CANONICAL) {
  Deno.test(`canonicalDecimal() writes ${typeof value} ${value} as ${text}`, () => {
    equal(canonicalDecimal(value), text);
  });
}

const UNREADABLE = [
  ...["", " ", ".", "-", "e5", "1e", "1e1.5", "--1", "1,000", "1_000", "0x1F", "1 2", "1n"],
  ...["NaN", "nan", "Infinity", "-inf", NaN, Infinity, "١٢", "1.2.3", "1\n2"],
  ...["0.0000000000000000001", "100000000000000000000", "1e20", "1e-19", "1e999999999999", 1e21],
];

for (const value of UNREADABLE) {
  Deno.test(`canonicalDecimal() refuses ${typeof value} ${JSON.stringify(value) ?? value}`, () => {
    equal(canonicalDecimal(value), undefined);
  });
}

/** A number as digits and a place: the model that knows no text. */
const anyNumber = fc.record({
  mantissa: fc.oneof(
    fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }),
    fc.bigInt({ min: -120n, max: 120n }),
  ),
  scale: fc.nat(20),
});

/** The model's value in units of 10^-40. */
function units({ mantissa, scale }: { mantissa: bigint; scale: number }): bigint {
  return mantissa * 10n ** BigInt(40 - scale);
}

/** The value of canonical text in the same units, read digit by digit. */
function unitsOf(text: string): bigint {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  return BigInt(whole + fraction.padEnd(40, "0")) * (text.startsWith("-") ? -1n : 1n);
}

Deno.test("canonicalDecimal() keeps the exact value and one spelling of it, or refuses by the limits", () => {
  fc.assert(fc.property(anyNumber, fc.nat(3), (number, zeros) => {
    const text = canonicalDecimal(`${number.mantissa}e-${number.scale}`);
    const value = units(number);
    const fits = value % 10n ** 22n === 0n && (value < 0n ? -value : value) < 10n ** 60n;
    equal(text !== undefined, fits);
    if (text === undefined) return;
    equal(unitsOf(text), value);
    match(text, /^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
    ok(text !== "-0");
    equal(canonicalDecimal(text), text);
    const padded = `${text}${text.includes(".") ? "" : "."}${"0".repeat(zeros)}`;
    equal(canonicalDecimal(padded), text);
  }));
});

const anyDecimal = anyNumber.map(({ mantissa, scale }) => canonicalDecimal(`${mantissa}e-${scale}`))
  .filter((text) => text !== undefined);

Deno.test("compareDecimals() orders like the integers of the model", () => {
  fc.assert(fc.property(anyDecimal, anyDecimal, (a, b) => {
    const difference = unitsOf(a) - unitsOf(b);
    equal(compareDecimals(a, b), difference === 0n ? 0 : difference < 0n ? -1 : 1);
    equal(maxDecimal(a, b), difference < 0n ? b : a);
    equal(minDecimal(a, b), difference > 0n ? b : a);
  }));
});

Deno.test("compareDecimals() is not misled by the length of the text", () => {
  equal(compareDecimals("9.999", "10"), -1);
  equal(compareDecimals("0.5", "0.25"), 1);
  equal(compareDecimals("12", "12.5"), -1);
  equal(compareDecimals("-9", "-10"), 1);
  equal(compareDecimals("-0.1", "0"), -1);
});

Deno.test("sumDecimals() adds exactly, in any order, and gives canonical text", () => {
  fc.assert(fc.property(fc.array(anyDecimal, { maxLength: 8 }), (values) => {
    const total = sumDecimals(values);
    equal(unitsOf(total), values.reduce((sum, value) => sum + unitsOf(value), 0n));
    equal(sumDecimals(values.toReversed()), total);
    equal(values.reduce(addDecimals, "0"), total);
    match(total, /^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
  }));
  equal(addDecimals("0.1", "0.2"), "0.3");
  equal(addDecimals("0.1", "-0.1"), "0");
});

Deno.test("decimalScale() counts the digits after the point", () => {
  equal(decimalScale("4000.151"), 3);
  equal(decimalScale("4000"), 0);
  equal(decimalScale("-0.5"), 1);
});
