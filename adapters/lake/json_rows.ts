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
  const text = new JsonText(chunks);
  let columns: readonly string[] | undefined;
  if (await text.peek() === "[") await readRows(text, onRow);
  else columns = await readObject(text, onRow);
  await text.end();
  return columns;
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
  if (!found) throw malformed("it has no rows");
  return columns;
}

async function readRows(text: JsonText, onRow: OnRow): Promise<void> {
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

function names(value: unknown): string[] {
  if (!Array.isArray(value)) throw malformed("columns must be an array of names");
  return value.map(String);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`unreadable near ${text.slice(0, 40)}`);
  }
}
