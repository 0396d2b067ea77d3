/** Names of fields whose values are never shown. */
const SECRET_NAME = /token|secret|passw|authorization|cookie|credential|api_?key|private_?key/i;
/** Where secrets hide inside texts. */
const USER_IN_URL = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;
const SECRET_IN_URL = /([?&][^=&#\s]*(?:token|secret|key|signature|password)[^=&#\s]*=)[^&#\s"]+/gi;
const BEARER = /\b(bearer|token)\s+[a-z0-9._~+/=-]{8,}/gi;
/** A log line is for reading: what is deeper or longer is cut. */
const MAX_DEPTH = 6;
const MAX_TEXT = 8_192;

/** A copy fit for the log: plain JSON values, errors with their causes, secrets blotted out. */
export function redact(value: unknown): unknown {
  return plain(value, 0, new Set());
}

function plain(value: unknown, depth: number, above: ReadonlySet<unknown>): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "[function]";
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value)) return "[circular]";
  if (depth >= MAX_DEPTH) return "[deep]";
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "bad date" : value.toISOString();
  }
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const within = new Set(above).add(value);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1, within));
  if (value instanceof Error) return plainError(value, depth, within);
  const pairs = value instanceof Map ? [...value.entries()] : Object.entries(value);
  return plainPairs(pairs, depth, within);
}

function plainPairs(
  pairs: readonly (readonly [unknown, unknown])[],
  depth: number,
  above: ReadonlySet<unknown>,
): Record<string, unknown> {
  return Object.fromEntries(pairs.map(([name, value]) => {
    const secret = SECRET_NAME.test(String(name)) && value !== null && typeof value !== "boolean";
    return [String(name), secret ? "[redacted]" : plain(value, depth + 1, above)];
  }));
}

function plainError(error: Error, depth: number, above: ReadonlySet<unknown>): unknown {
  const { name, message, stack, cause, ...rest } = error;
  const text = { name, message: redactText(message), stack: redactText(stack ?? "") };
  const extra = plainPairs(Object.entries(rest), depth, above);
  if (cause === undefined) return { ...extra, ...text };
  return { ...extra, ...text, cause: plain(cause, depth + 1, above) };
}

function redactText(text: string): string {
  const shortened = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return shortened
    .replace(USER_IN_URL, "$1[redacted]@")
    .replace(SECRET_IN_URL, "$1[redacted]")
    .replace(BEARER, "$1 [redacted]");
}
