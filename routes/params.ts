import { z } from "@hono/zod-openapi";
import { parseTime } from "@/domain/klines/time.ts";

/** A time as epoch ms or ISO 8601 text; epoch ms afterwards. */
export function timeParam(description: string): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const at = parseTime(text);
    if (at !== undefined) return at;
    context.addIssue({ code: "custom", message: "expected epoch ms or ISO 8601" });
    return z.NEVER;
  }).openapi({ type: "string", description, example: "2021-01-01T00:00:00Z" });
}

export function flagParam(description: string): z.ZodType<boolean, string> {
  return z.enum(["true", "false"]).transform((text) => text === "true").openapi({ description });
}

/** A whole number in its bounds, from text. */
export function countParam(
  { min, max, description }: { min: number; max: number; description: string },
): z.ZodType<number, string> {
  const message = `expected a whole number from ${min} to ${max}`;
  return z.string().regex(/^\d{1,15}$/, message).transform(Number)
    .refine((value) => value >= min && value <= max, message)
    .openapi({ type: "integer", minimum: min, maximum: max, description });
}

/** A time in a JSON body: epoch ms or ISO 8601 text; epoch ms afterwards. */
export function timeField(description: string): z.ZodType<number, number | string> {
  return z.union([z.number(), z.string()]).transform((given, context) => {
    const at = parseTime(given);
    if (at !== undefined) return at;
    context.addIssue({ code: "custom", message: "expected epoch ms or ISO 8601" });
    return z.NEVER;
  }).openapi({ type: ["integer", "string"], description, example: "2021-01-01T00:00:00Z" });
}
