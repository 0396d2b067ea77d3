/** JSON that belongs to the user: its names are data, not ours to change. */
const USER_JSON: ReadonlySet<string> = new Set(["config", "settings", "metadata", "values"]);

/** Our camelCase values as the wire has them: snake_case names, dates as ISO 8601; `undefined` is left out. */
export function toWire(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, inner]) => inner !== undefined).map(([name, inner]) => [
      snakeCase(name),
      USER_JSON.has(name) ? inner : toWire(inner),
    ]),
  );
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
