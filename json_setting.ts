import { z } from "zod";

/**
 * A setting written as JSON; `expected` goes on after "expected ". What the schema itself says of a
 * value, and names that it does not know, are told before that.
 */
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
    const message = [...result.error.issues.flatMap(reasonOf), `expected ${expected}`].join("; ");
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

/** Nothing of the value: it may hold what is secret. */
function reasonOf(issue: z.core.$ZodIssue): string[] {
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((name) => `${name} is not known`);
    case "custom":
      return [[...issue.path, issue.message].join(": ")];
    default:
      return [];
  }
}
