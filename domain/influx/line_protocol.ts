/** One point of InfluxDB's line protocol, values as they were written. */
export interface Point {
  readonly measurement: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly fields: ReadonlyMap<string, FieldValue>;
  /** In the unit of the request; undefined where the line has none. */
  readonly timestamp: string | undefined;
}

export interface FieldValue {
  readonly type: "number" | "text" | "boolean";
  /** Without quotes, escapes and the `i` or `u` of integers. */
  readonly text: string;
}

/** What is wrong with a line, in InfluxDB's words. */
export class LineError extends Error {
  override readonly name = "LineError";
}

const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const INTEGER = /^([+-]?\d+)i$|^(\d+)u$/;
const BOOLEAN = /^(t|T|true|True|TRUE|f|F|false|False|FALSE)$/;

/**
 * Reads one line: `measurement[,tag=value…] field=value[,field=value…] [timestamp]`. Throws a
 * {@linkcode LineError}, also for lone surrogates: those are bytes that were not UTF-8. Undefined for
 * an empty line and a comment.
 */
export function parseLine(line: string): Point | undefined {
  const text = line.replace(/^[ \t\uFEFF]+|[ \t\r\0]+$/g, "");
  if (text === "" || text.startsWith("#")) return undefined;
  if (!text.isWellFormed()) throw new LineError("not UTF-8");
  const keyEnd = findEnd(text, 0, " ");
  const [measurement = "", ...tags] = split(text.slice(0, keyEnd), ",");
  if (measurement === "") throw new LineError("missing measurement");
  const fieldsStart = skipSpaces(text, keyEnd);
  const fieldsEnd = findEnd(text, fieldsStart, " ", { quotes: true });
  const fields = split(text.slice(fieldsStart, fieldsEnd), ",", { quotes: true });
  if (fieldsStart >= text.length) throw new LineError("missing fields");
  return {
    measurement: unescape(measurement, ", "),
    tags: new Map(tags.map(readTag)),
    fields: new Map(fields.map(readField)),
    timestamp: readTimestamp(text.slice(fieldsEnd).trim()),
  };
}

/** Whether the line ends within a quoted text: then what follows the line break belongs to it. */
export function isUnfinished(line: string): boolean {
  if (!line.includes('"') || line.trimStart().startsWith("#")) return false;
  const fields = skipSpaces(line, findEnd(line, 0, " "));
  return findEnd(line, fields, "\0", { quotes: true }) > line.length;
}

/** Whether a line that begins within a quoted text ends within one too. */
export function staysUnfinished(line: string): boolean {
  return isUnfinished(`m v="${line}`);
}

function readTag(text: string): readonly [string, string] {
  const at = findEnd(text, 0, "=");
  if (at >= text.length) throw new LineError("missing tag value");
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (name === "") throw new LineError("missing tag key");
  if (value === "") throw new LineError("missing tag value");
  return [unescape(name, ",= "), unescape(value, ",= ")];
}

function readField(text: string): readonly [string, FieldValue] {
  const at = findEnd(text, 0, "=");
  if (at >= text.length) throw new LineError("missing field value");
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (name === "") throw new LineError("missing field key");
  return [unescape(name, ",= "), fieldValue(value)];
}

function fieldValue(text: string): FieldValue {
  if (text === "") throw new LineError("missing field value");
  if (text.startsWith('"')) {
    if (!/^"(?:[^"\\]|\\[^])*"$/.test(text)) throw new LineError("unbalanced quotes");
    return { type: "text", text: unescape(text.slice(1, -1), '"\\') };
  }
  const integer = INTEGER.exec(text);
  if (integer !== null) return { type: "number", text: integer[1] ?? integer[2] ?? "" };
  if (FLOAT.test(text)) return { type: "number", text };
  if (BOOLEAN.test(text)) return { type: "boolean", text };
  throw new LineError(`invalid field value '${text.slice(0, 40)}'`);
}

function readTimestamp(text: string): string | undefined {
  if (text === "") return undefined;
  if (/^[+-]?\d{1,19}$/.test(text)) return text;
  throw new LineError("bad timestamp");
}

/**
 * Where the sign stands next, escapes and quoted texts skipped; behind the end where it does not. A
 * quote opens a text only as the first sign of a value: names may hold quotes.
 */
function findEnd(
  text: string,
  from: number,
  sign: string,
  { quotes = false }: { readonly quotes?: boolean } = {},
): number {
  let quoted = false;
  let before = "";
  let at = from;
  for (; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at++;
    else if (quotes && char === '"') quoted = !quoted && before === "=";
    else if (!quoted && char === sign) return at;
    before = char;
  }
  return quoted ? text.length + 1 : Math.max(at, text.length);
}

function split(text: string, sign: string, options?: { readonly quotes?: boolean }): string[] {
  const parts: string[] = [];
  for (let from = 0; from <= text.length;) {
    const end = Math.min(findEnd(text, from, sign, options), text.length);
    parts.push(text.slice(from, end));
    from = end + 1;
  }
  return parts;
}

/** Takes the backslash away before the signs that need one; every other backslash is itself. */
function unescape(text: string, signs: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\([^])/g, (both, sign: string) => signs.includes(sign) ? sign : both);
}

function skipSpaces(text: string, from: number): number {
  let at = from;
  while (text[at] === " ") at++;
  return at;
}
