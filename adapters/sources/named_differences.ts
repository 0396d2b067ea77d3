import type { z } from "zod";

const MOST = 20;

const LONGEST_SHOWN = 40;
/** Fields whose values nobody is to read. */
const PRIVATE = /token|secret|passw|auth|cookie|credential|key|sess/i;

/**
 * Where a value differs from its schema, a line each: `result[0].price: expected a number, received
 * "up"`. What is wrong in many elements of a list in the same way is told once, with the first and how
 * often. What was received is known of a parse with `reportInput`.
 */
export function namedDifferences(error: z.ZodError): string[] {
  const found = new Map<string, { first: string; count: number }>();
  for (const { path, message, ...issue } of error.issues) {
    const said = message.replace(/^Invalid input: /, "");
    const kind = `${pathText(path.map((part) => typeof part === "number" ? "" : part))}: ${said}`;
    const seen = found.get(kind);
    const first = `${pathText(path)}: ${said}${receivedText(path, said, issue)}`;
    if (seen === undefined) found.set(kind, { first, count: 1 });
    else seen.count++;
  }
  const lines = [...found.values()].map(({ first, count }) =>
    count === 1 ? first : `${first} (${count} times)`
  );
  const left = lines.length - MOST;
  return left > 0 ? [...lines.slice(0, MOST), `and ${left} more`] : lines;
}

function receivedText(
  path: readonly PropertyKey[],
  said: string,
  issue: { readonly input?: unknown },
): string {
  if (!("input" in issue) || !said.includes("expected") || said.includes("received")) return "";
  return `, received ${shown(issue.input, path.some((part) => PRIVATE.test(String(part))))}`;
}

function shown(value: unknown, isPrivate: boolean): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  if (isPrivate) return `a ${typeof value}`;
  const text = JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) =>
    typeof part === "number" || part === "" ? `[${String(part)}]` : `.${String(part)}`
  ).join("").replace(/^\./, "");
  return text === "" ? "the answer" : text;
}
