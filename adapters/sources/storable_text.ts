/**
 * The value with everything replaced in its texts and names that PostgreSQL cannot hold: U+0000 and
 * halves of characters.
 */
export function storableText(value: unknown): unknown {
  if (typeof value === "string") return storable(value);
  if (Array.isArray(value)) return value.map(storableText);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [storable(name), storableText(one)]),
  );
}

/** The same for one text. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}
