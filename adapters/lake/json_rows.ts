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
    await text.expect(":");
    if (key === "rows") {
      if (found) throw malformed("it has rows twice");
      found = true;
      await readRows(text, (values) => onRow(values, columns));
    } else if (key === "columns") columns = names(parse(await text.value()));
    else await text.value();
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

/** Texts of one row's values. A row that is no array becomes one unreadable value. */
export function rowValues(row: string): string[] {
  if (!row.startsWith("[")) return [`? ${row}`];
  const inner = row.slice(1, -1);
  if (inner.trim() === "") return [];
  if (!/["[\]{}]/.test(inner)) return inner.split(",").map((value) => textOfToken(value.trim()));
  const values = parse(`[${inner.replaceAll(TOKEN, quoteToken)}]`);
  return Array.isArray(values) ? values.map(textOfParsed) : [];
}

/** Strings first, so that what looks like a number inside one is left alone. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Numbers become strings before they are parsed: no digit is lost. */
function quoteToken(token: string): string {
  return token.startsWith('"') ? token : `"${token}"`;
}

function textOfParsed(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : `? ${JSON.stringify(value)}`;
}

function textOfToken(token: string): string {
  if (token === "") throw malformed("a row has an empty place");
  return token === "null" ? "" : token;
}

/** It is JSON, but not what is asked for. */
function wrongShape(reason: string, field?: string): Refusal {
  const message = `Cannot read candles from the JSON: ${reason}`;
  return new Refusal("validation_error", message, field === undefined ? {} : { field });
}

function names(value: unknown): string[] {
  if (!Array.isArray(value)) throw wrongShape("columns is no array of names", "columns");
  return value.map(String);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`unreadable near ${text.slice(0, 40)}`);
  }
}
