import { z } from "zod";

/** A setting written as JSON; `expected` goes on after "expected ". */
export function jsonSetting<T>(
  schema: z.ZodType<T>,
  expected: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<T, string>> {
  return z.string().transform((value, context): T => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      parsed = undefined;
    }
    const result = schema.safeParse(parsed);
    if (result.success) return result.data;
    context.addIssue({ code: "custom", message: `expected ${expected}` });
    return z.NEVER;
  });
}
