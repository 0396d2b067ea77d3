import type { z } from "zod";

const MOST = 20;

/**
 * Where a value differs from its schema, a line each: `result[0].price: expected a number`. What is
 * wrong in many elements of a list in the same way is told once, with how often.
 */
export function namedDifferences(error: z.ZodError): string[] {
  const found = new Map<string, { first: string; count: number }>();
  for (const { path, message } of error.issues) {
    const said = message.replace(/^Invalid input: /, "");
    const kind = `${pathText(path.map((part) => typeof part === "number" ? "" : part))}: ${said}`;
    const seen = found.get(kind);
    if (seen === undefined) found.set(kind, { first: `${pathText(path)}: ${said}`, count: 1 });
    else seen.count++;
  }
  const lines = [...found.values()].map(({ first, count }) =>
    count === 1 ? first : `${first} (${count} times)`
  );
  const left = lines.length - MOST;
  return left > 0 ? [...lines.slice(0, MOST), `and ${left} more`] : lines;
}

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) =>
    typeof part === "number" || part === "" ? `[${String(part)}]` : `.${String(part)}`
  ).join("").replace(/^\./, "");
  return text === "" ? "the answer" : text;
}
