/** What a `DECIMAL(38,18)` can hold. */
export const MAX_DECIMALS = 18;
export const MAX_INTEGER_DIGITS = 20;

/** Longer exponents would expand to text that no limit lets through. */
const MAX_EXPONENT = 10_000;

const NUMBER = /^\s*([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?\s*$/;

/**
 * The exact value as canonical text: no exponent, no `+`, no leading or trailing zeros, no `-0`
 * (`0.1`, `12`, `-3.5`, `0`). Undefined for anything but a finite decimal number, and beyond 18
 * decimals or 20 integer digits (counted without padding zeros).
 */
export function canonicalDecimal(value: string | number | bigint): string | undefined {
  const match = NUMBER.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponentText = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  const digits = whole + fraction;
  const leading = digits.length - digits.replace(/^0+/, "").length;
  if (leading === digits.length) return "0";
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_EXPONENT + digits.length) return undefined;
  const significant = digits.slice(leading).replace(/0+$/, "");
  return placed(significant, whole.length - leading + exponent, sign === "-" ? "-" : "");
}

/** Sign of `a − b`. Both canonical. */
export function compareDecimals(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0;
  const negative = a.startsWith("-");
  if (negative !== b.startsWith("-")) return negative ? -1 : 1;
  const larger = negative ? isLarger(b.slice(1), a.slice(1)) : isLarger(a, b);
  return larger ? 1 : -1;
}

/** Digits after the point of a canonical decimal. */
export function decimalScale(text: string): number {
  const point = text.indexOf(".");
  return point === -1 ? 0 : text.length - point - 1;
}

/** Exact sum of canonical decimals, canonical; `0` of none. */
export function sumDecimals(values: readonly string[]): string {
  const scale = values.reduce((most, value) => Math.max(most, decimalScale(value)), 0);
  const total = values.reduce((sum, value) => sum + mantissa(value, scale), 0n);
  return fromMantissa(total, scale);
}

export function addDecimals(a: string, b: string): string {
  return sumDecimals([a, b]);
}

export function maxDecimal(a: string, b: string): string {
  return compareDecimals(a, b) < 0 ? b : a;
}

export function minDecimal(a: string, b: string): string {
  return compareDecimals(a, b) > 0 ? b : a;
}

/** `a × times ÷ b` cut off after `scale` decimals, canonical. Undefined when b is 0. Both canonical. */
export function divideDecimals(
  a: string,
  b: string,
  { scale, times = 1 }: { readonly scale: number; readonly times?: number },
): string | undefined {
  if (b === "0") return undefined;
  const common = Math.max(decimalScale(a), decimalScale(b));
  const dividend = mantissa(a, common) * BigInt(times) * 10n ** BigInt(scale);
  return fromMantissa(dividend / mantissa(b, common), scale);
}

/** The digits with the point after the first `integerDigits` of them (which may be negative). */
function placed(significant: string, integerDigits: number, sign: string): string | undefined {
  const decimals = Math.max(0, significant.length - integerDigits);
  if (decimals > MAX_DECIMALS || integerDigits > MAX_INTEGER_DIGITS) return undefined;
  const whole = significant.slice(0, Math.max(0, integerDigits)).padEnd(integerDigits, "0") || "0";
  const fraction = integerDigits > 0
    ? significant.slice(integerDigits)
    : "0".repeat(-integerDigits) + significant;
  return sign + whole + (fraction === "" ? "" : `.${fraction}`);
}

/** Of two different canonical decimals without sign: text order after the lengths of whole parts. */
function isLarger(a: string, b: string): boolean {
  const [wholeA, wholeB] = [a.length - fractionLength(a), b.length - fractionLength(b)];
  return wholeA === wholeB ? a > b : wholeA > wholeB;
}

function fractionLength(text: string): number {
  const scale = decimalScale(text);
  return scale === 0 ? 0 : scale + 1;
}

function fromMantissa(total: bigint, scale: number): string {
  const sign = total < 0n ? "-" : "";
  const digits = (total < 0n ? -total : total).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  return sign + whole + (fraction === "" ? "" : `.${fraction}`);
}

function mantissa(text: string, scale: number): bigint {
  const point = text.indexOf(".");
  const digits = point === -1 ? text : text.slice(0, point) + text.slice(point + 1);
  return BigInt(digits + "0".repeat(scale - decimalScale(text)));
}
