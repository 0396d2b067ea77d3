import type { z } from "@hono/zod-openapi";
import { Refusal, type RefusalDetail } from "@/domain/decider.ts";
import { wording } from "./validation_wording.ts";

/** Parses what a caller sent. Refusal `validation_error` names the first field and lists all. */
export function validate<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const bad = unstorable(value, what);
  if (bad !== undefined) throw invalid(what, [bad]);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(what, result.error.issues.flatMap((issue) => detailsOf(issue, value, what)));
}

/** Query as one value a name. Refusal for a name that is given twice. */
export function queryRecord(search: URLSearchParams): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (const [name, value] of search) {
    if (name in record) throw invalid("query", [{ field: name, message: "given twice" }]);
    record[name] = value;
  }
  return { ...record };
}

function invalid(what: string, details: readonly RefusalDetail[]): Refusal {
  const [first] = details;
  const { field = what, message = "invalid" } = first ?? {};
  const text = `Cannot accept the ${what}: ${field}: ${message}`;
  return new Refusal("validation_error", text, { field, details });
}

function detailsOf(issue: z.core.$ZodIssue, value: unknown, what: string): RefusalDetail[] {
  const field = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const kind = what === "query" ? "query parameter" : "field";
    const parent = field === "" ? "" : `${field}.`;
    return issue.keys.map((key) => ({ field: `${parent}${key}`, message: `unknown ${kind}` }));
  }
  const message = wording(issue, issue.path.reduce(inside, value));
  return [{ field: field === "" ? what : field, message }];
}

/** Whether PostgreSQL can keep and look for the text. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Text that PostgreSQL cannot keep: U+0000 and half characters. */
function unstorable(value: unknown, what: string, field = ""): RefusalDetail | undefined {
  if (typeof value === "string") {
    if (isStorable(value)) return undefined;
    const message = "text must not hold U+0000 or half of a surrogate pair";
    return { field: field === "" ? what : field, message };
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = unstorable(name, what, field || name) ??
      unstorable(inner, what, field === "" ? name : `${field}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inside(value: unknown, name: PropertyKey): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === String(name))?.[1];
}
