import { type CsvLayout, splitCsvLine } from "./csv_layout.ts";
import { LineFile, textOf } from "./text_file.ts";

/** Separates the fields of the files we write for the engine; in no number and no time. */
export const PLAIN_DELIMITER = "\x1f";

const MAX_LINE = 100_000;

/**
 * Writes a defective CSV again so that the engine reads it line by line: one delimiter, no quotes,
 * the right number of fields. A line that is malformed keeps its first field and gets all of its
 * text in the second, where it is refused as no number: nothing is lost, no row number shifts.
 */
export async function repairCsv(
  path: string,
  layout: CsvLayout,
  { outPath, signal }: { outPath: string; signal: AbortSignal },
): Promise<void> {
  const out = new LineFile(outPath);
  try {
    let header = layout.header;
    for await (const line of linesOf(path)) {
      signal.throwIfAborted();
      if (line.trim() === "") continue;
      if (header) header = false;
      else await out.write(plainLine(splitCsvLine(line, layout.delimiter), layout));
    }
  } finally {
    await out.close();
  }
}

/** Fields joined for the engine, or the sign of a malformed line. */
export function plainLine(
  fields: readonly string[],
  { fields: expected, places }: Pick<CsvLayout, "fields" | "places">,
): string {
  const whole = fields.length === expected + 1 && fields.at(-1) === ""
    ? fields.slice(0, -1)
    : fields;
  if (whole.length === expected) return whole.map(plainField).join(PLAIN_DELIMITER);
  const malformed = new Array<string>(expected).fill("");
  malformed[places.open ?? 1] = `? ${whole.map(plainField).join(",")}`;
  malformed[places.open_time ?? 0] = plainField(whole[places.open_time ?? 0] ?? "");
  return malformed.join(PLAIN_DELIMITER);
}

// deno-lint-ignore no-control-regex
const SEPARATORS = /[\n\r\x1f]/g;

function plainField(field: string): string {
  return field.trim().replaceAll(SEPARATORS, "\ufffd");
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  let first = true;
  for await (const chunk of textOf(path)) {
    const text = first ? chunk.replace(/^\ufeff/, "") : chunk;
    first &&= chunk === "";
    const lines = (rest + text).split("\n");
    // A line without an end is not held in memory; what is cut off makes it unreadable.
    rest = bounded(lines.pop() ?? "");
    for (const line of lines) yield* split(bounded(line));
  }
  yield* split(rest);
}

function bounded(line: string): string {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}\ufffd` : line;
}

function split(line: string): string[] {
  return line.replace(/\r+$/, "").split("\r");
}
