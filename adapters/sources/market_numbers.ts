import { z } from "zod";

const NUMBER = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;
/** How sites write that they have no value, in lower case. */
const NOTHING: ReadonlySet<string> = new Set([
  ...["", "nan", "-nan", "null", "none", "undefined", "n/a", "-", "--", "---"],
  ...["inf", "-inf", "+inf", "infinity", "-infinity"],
]);
/** What a site is not going to send; a longer text would only fill memory. */
const MOST_DIGITS = 400;
const LONGEST = MOST_DIGITS + "-.e-1234".length;

/**
 * A number as plain decimal text with every digit it was sent with (`0.0037627561992121805`), zeros
 * that say nothing left out; null where a site has no value; undefined for what is no number.
 */
export function plainDecimal(value: string | number | null | undefined): string | null | undefined {
  if (value === null || value === undefined) return null;
  const text = String(value).trim();
  if (NOTHING.has(text.toLowerCase())) return null;
  if (text.length > LONGEST) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  const digits = whole + fraction;
  const shift = Number(exponent);
  if (digits === "" || digits.length + Math.abs(shift) > MOST_DIGITS) return undefined;
  const point = whole.length + shift;
  const padded = "0".repeat(Math.max(0, -point)) + digits.padEnd(point, "0");
  const at = Math.max(0, point);
  const before = padded.slice(0, at).replace(/^0+/, "") || "0";
  const after = padded.slice(at).replace(/0+$/, "");
  const plain = after === "" ? before : `${before}.${after}`;
  return sign === "-" && plain !== "0" ? `-${plain}` : plain;
}

/**
 * A number of an answer, sent as a number or as text: the field has to be there, and is null where
 * it holds nothing or one of the `sentinels`, the numbers that a field uses for "no value".
 */
export function decimal(
  { sentinels = [] }: { sentinels?: readonly string[] } = {},
): z.ZodType<string | null> {
  return z.union([z.string(), z.number(), z.null()], "expected a number")
    .transform((value, context) => {
      const plain = plainDecimal(value);
      if (plain !== undefined) return plain !== null && sentinels.includes(plain) ? null : plain;
      context.addIssue({ code: "custom", message: "expected a number" });
      return z.NEVER;
    });
}

/** The same for a field that not every answer has. */
export function optionalDecimal(): z.ZodType<string | null> {
  return decimal().optional().transform((value) => value ?? null);
}

/** The same where a report says nothing without it. */
export function neededDecimal(): z.ZodType<string> {
  return z.union([z.string(), z.number()], "expected a number").transform((value, context) => {
    const plain = plainDecimal(value);
    if (typeof plain === "string") return plain;
    context.addIssue({ code: "custom", message: "expected a number" });
    return z.NEVER;
  });
}

/** Text that is not empty; sites send codes as numbers, too. */
export function text(): z.ZodType<string> {
  return z.union([z.string(), z.number()], "expected text").transform((value) =>
    String(value).trim()
  ).refine((value) => value !== "", "expected text that is not empty");
}

/** Text of a field that has to be there; empty text is null. */
export function nullableText(): z.ZodType<string | null> {
  return z.union([z.string(), z.number(), z.null()], "expected text").transform((value) => {
    const trimmed = String(value ?? "").trim();
    return trimmed === "" ? null : trimmed;
  });
}

/** The same for a field that not every answer has. */
export function optionalText(): z.ZodType<string | null> {
  return nullableText().optional().transform((value) => value ?? null);
}
