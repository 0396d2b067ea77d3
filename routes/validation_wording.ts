import type { z } from "@hono/zod-openapi";

/** What zod calls the types of JSON, in words. */
const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** Beginnings of what zod says by itself; our schemas' own messages stay as they are. */
const DEFAULT_MESSAGE = /^(Invalid|Too (big|small))\b/;

/** What is wrong with a value, in one voice for all of our refusals. */
export function wording(issue: z.core.$ZodIssue, given: unknown): string {
  if (given === undefined) return "required";
  if (!DEFAULT_MESSAGE.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_value":
      return `expected ${issue.values.length > 1 ? "one of " : ""}${issue.values.join(", ")}`;
    case "invalid_type":
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case "too_big":
      return `expected at most ${issue.maximum}${unit(issue.origin)}`;
    case "too_small":
      return given === ""
        ? "must not be empty"
        : `expected at least ${issue.minimum}${unit(issue.origin)}`;
    default:
      return "expected another value";
  }
}

function unit(origin: string): string {
  return origin === "string" ? " characters" : origin === "array" ? " entries" : "";
}
