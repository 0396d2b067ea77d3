import { z } from "@hono/zod-openapi";
import { EXPECTED_OPEN_TIME, isOpenTime } from "@/domain/klines/open_times.ts";
import { parseTime } from "@/domain/klines/time.ts";

/** A time as epoch ms or ISO 8601 text; epoch ms afterwards. */
export function timeParam(description: string): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    // A plus that was not written as %2B arrives as a space.
    const at = parseTime(text.replace(/^(.+T.+) (\d\d:?\d\d)$/, "$1+$2"));
    if (at !== undefined) return at;
    context.addIssue({ code: "custom", message: "expected epoch ms or ISO 8601" });
    return z.NEVER;
  }).openapi({ type: "string", description, example: "2021-01-01T00:00:00Z" });
}

export function flagParam(description: string): z.ZodType<boolean, string> {
  return z.enum(["true", "false"]).transform((text) => text === "true").openapi({ description });
}

/** A whole number in its bounds, from text; `byDefault` where it is left out. */
export function countParam(
  { min, max, byDefault, description }: {
    readonly min: number;
    readonly max: number;
    readonly byDefault?: number;
    readonly description: string;
  },
): z.ZodType<number, string | undefined> {
  const message = `expected a whole number from ${min} to ${max}`;
  const count = z.string().regex(/^\d{1,15}$/, message).transform(Number)
    .refine((value) => value >= min && value <= max, message);
  const described = { type: "integer", minimum: min, maximum: max, description } as const;
  if (byDefault === undefined) return count.openapi(described);
  // A default of a transformed text is not found by the one who writes the document.
  return count.prefault(String(byDefault)).openapi({ ...described, default: byDefault });
}

/** A time in a JSON body: epoch ms or ISO 8601 text; epoch ms afterwards. */
export function timeField(description: string): z.ZodType<number, number | string> {
  const expected = "expected epoch ms or ISO 8601";
  return z.union([z.number(), z.string()], { error: expected }).transform((given, context) => {
    const at = parseTime(given);
    if (at !== undefined && !isFraction(given)) return at;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  }).openapi({ type: ["integer", "string"], description, example: "2021-01-01T00:00:00Z" });
}

/** What is finer than a ms is no time of ours. */
function isFraction(given: number | string): boolean {
  const number = Number(given);
  return Number.isFinite(number) && !Number.isInteger(number);
}

/** A {@linkcode timeField} at which candles may open. */
export function openTimeField(description: string): z.ZodType<number, number | string> {
  return timeField(description).refine(isOpenTime, `expected ${EXPECTED_OPEN_TIME}`);
}
