import { Refusal } from "@/domain/decider.ts";
import { JsonText, malformed } from "./json_text.ts";

/** What is done with each row, in order: its values as text, null as empty, and the columns if they came first. */
export type OnRow = (values: readonly string[], columns?: readonly string[]) => Promise<void>;

/**
 * Reads `[[…], …]` or `{"columns": […], "rows": [[…], …]}` as it streams, in bounded memory.
 * Numbers keep every digit: they never become JavaScript numbers. Returns the columns, if given.
 * Throws a Refusal for anything that is not JSON of this shape.
 */
export async function readJsonRows(
  chunks: AsyncIterable<string>,
  onRow: OnRow,
): Promise<readonly string[] | undefined> {
  const text = new JsonText(ended(chunks));
  let columns: readonly string[] | undefined;
  const first = await text.peek();
  if (first === "[") await readRows(text, onRow);
  else if (first === "{") columns = await readObject(text, onRow);
  else {
    parse(await text.value());
    await text.end();
    throw wrongShape("it is neither rows nor an object that holds them");
  }
  await text.end();
  return columns;
}

/** A number or word at the very end is whole: what ends it is white space. */
async function* ended(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  yield* chunks;
  yield "\n";
}

async function readObject(text: JsonText, onRow: OnRow): Promise<readonly string[] | undefined> {
  let columns: readonly string[] | undefined;
  let found = false;
  await text.expect("{");
  for (let more = await text.peek() !== "}"; more; more = await text.accept(",")) {
    const key = parse(await text.value());
    if (typeof key !== "string") throw malformed("a name is no text");
    await text.expect(":");
    if (key === "rows") {
      if (found) throw malformed("it has rows twice");
      found = true;
      await readRows(text, (values) => onRow(values, columns));
    } else if (key === "columns") {
      if (columns !== undefined) throw malformed("it has columns twice");
      columns = names(parse(await text.value()));
    } else throw wrongShape(`unknown field ${key.slice(0, 40)}: send columns and rows`, key);
  }
  await text.expect("}");
  if (!found) {
    await text.end();
    throw wrongShape("it has no rows", "rows");
  }
  return columns;
}

async function readRows(text: JsonText, onRow: OnRow): Promise<void> {
  if (await text.peek() !== "[") {
    parse(await text.value());
    throw wrongShape("rows is no array", "rows");
  }
  await text.expect("[");
  for (let more = await text.peek() !== "]"; more; more = await text.accept(",")) {
    await onRow(rowValues(await text.value()));
  }
  await text.expect("]");
}

/** Texts of one row's values. Throws a Refusal for what is no JSON, and for a row that is no array. */
export function rowValues(row: string): string[] {
  if (!row.startsWith("[")) {
    parse(row);
    throw wrongShape("a row is no array of values in the order of the columns", "rows");
  }
  const inner = row.slice(1, -1);
  if (PLAIN.test(inner)) return inner.split(",").map((value) => textOfToken(value.trim()));
  const values = parse(`[${inner.replaceAll(TOKEN, quoteToken)}]`);
  return Array.isArray(values) ? values.map(textOfParsed) : [];
}

const NUMBER = "-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?";

/** One or more numbers and words, which need no parser. */
const PLAIN = new RegExp(
  `^[ \\t\\r\\n]*(?:${NUMBER}|null)[ \\t\\r\\n]*(?:,[ \\t\\r\\n]*(?:${NUMBER}|null)[ \\t\\r\\n]*)*$`,
);
const WHOLE_NUMBER = new RegExp(`^${NUMBER}$`);

/** Strings first, so that what looks like a number inside one is left alone. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Numbers become strings before they are parsed: no digit is lost. */
function quoteToken(token: string): string {
  if (token.startsWith('"')) return token;
  if (!WHOLE_NUMBER.test(token)) throw malformed(`unreadable near ${token.slice(0, 40)}`);
  return `"${token}"`;
}

function textOfParsed(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : `? ${JSON.stringify(value)}`;
}

function textOfToken(token: string): string {
  return token === "null" ? "" : token;
}

/** It is JSON, but not what is asked for. */
function wrongShape(reason: string, field?: string): Refusal {
  const message = `Cannot read candles from the JSON: ${reason}`;
  return new Refusal("validation_error", message, field === undefined ? {} : { field });
}

function names(value: unknown): string[] {
  const isNames = Array.isArray(value) && value.every((name) => typeof name === "string");
  if (!isNames) throw wrongShape("columns is no array of names", "columns");
  const twice = value.find((name, at) => value.indexOf(name) < at);
  if (twice !== undefined) {
    throw wrongShape(`column ${twice.slice(0, 40)} is given twice`, "columns");
  }
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`unreadable near ${text.slice(0, 40)}`);
  }
}
