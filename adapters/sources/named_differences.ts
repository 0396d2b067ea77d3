import type { z } from "zod";

const MOST = 20;

const LONGEST_SHOWN = 40;
/** Fields whose values nobody is to read. */
const PRIVATE = /token|secret|passw|auth|cookie|credential|key|sess/i;

/**
 * Where a value differs from its schema, a line each: `result[0].price: expected a number, received
 * "up"`. What is wrong in many elements of a list in the same way is told once, with the first and how
 * often. What was received is known of a parse with `reportInput`, and shown as `clean` leaves it.
 */
export function namedDifferences(
  error: z.ZodError,
  clean: (text: string) => string = (text) => text,
): string[] {
  const found = new Map<string, { first: string; count: number }>();
  for (const { path, said, ...issue } of error.issues.flatMap(toldOf)) {
    const kind = `${pathText(path.map((part) => typeof part === "number" ? "" : part))}: ${said}`;
    const seen = found.get(kind);
    const first = `${pathText(path)}: ${said}${receivedText(path, { said, ...issue }, clean)}`;
    if (seen === undefined) found.set(kind, { first, count: 1 });
    else seen.count++;
  }
  const lines = [...found.values()].map(({ first, count }) =>
    count === 1 ? first : `${first} (${count} times)`
  );
  const left = lines.length - MOST;
  return left > 0 ? [...lines.slice(0, MOST), `and ${left} more`] : lines;
}

interface Told {
  readonly path: readonly PropertyKey[];
  readonly said: string;
  readonly input?: unknown;
}

/** Of a union what keeps the value from being the kind that it is of, else all the kinds. */
function toldOf(issue: z.core.$ZodIssue): readonly Told[] {
  const { path, message } = issue;
  const input = "input" in issue ? { input: issue.input } : {};
  const said = message.replace(/^Invalid input: /, "");
  if (issue.code !== "invalid_union" || said !== "Invalid input") return [{ path, said, ...input }];
  const own = issue.errors.find((kind) =>
    kind.length > 0 && kind.every((one) => one.path.length > 0)
  );
  if (own !== undefined) {
    return own.flatMap(toldOf).map((told) => ({ ...told, path: [...path, ...told.path] }));
  }
  const kinds = issue.errors.flatMap(([first]) =>
    /expected ([^,]+)/.exec(first?.message ?? "")?.[1] ?? []
  );
  return [{ path, said: `expected ${[...new Set(kinds)].join(" or ")}`, ...input }];
}

function receivedText(
  path: readonly PropertyKey[],
  { said, ...issue }: Omit<Told, "path">,
  clean: (text: string) => string,
): string {
  if (!("input" in issue) || !said.includes("expected") || said.includes("received")) return "";
  const isPrivate = path.some((part) => PRIVATE.test(String(part)));
  return `, received ${shown(issue.input, isPrivate, clean)}`;
}

function shown(value: unknown, isPrivate: boolean, clean: (text: string) => string): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  if (isPrivate) return `a ${typeof value}`;
  const text = clean(JSON.stringify(value));
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) =>
    typeof part === "number" || part === "" ? `[${String(part)}]` : `.${String(part)}`
  ).join("").replace(/^\./, "");
  return text === "" ? "the answer" : text;
}
