import { Refusal } from "@/domain/decider.ts";
import {
  type ColumnPlaces,
  HEADERLESS_COLUMNS,
  isHeader,
  placesByName,
  placesByOrder,
} from "./column_names.ts";

export interface CsvLayout {
  readonly delimiter: string;
  readonly header: boolean;
  /** Fields of a well-formed line. */
  readonly fields: number;
  readonly places: ColumnPlaces;
  /** The engine may read it as it is: no quotes, one kind of line end. */
  readonly plain: boolean;
}

const DELIMITERS = [",", ";", "\t", "|"] as const;

/**
 * How a CSV text is laid out, from its beginning; undefined when it holds no line. Without a header
 * the columns are Binance's, by their number. Throws a Refusal when no such layout fits.
 */
export function csvLayout(sample: string): CsvLayout | undefined {
  const text = sample.replace(/^\ufeff/, "");
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== "").slice(0, 500);
  const [first] = lines;
  if (first === undefined) return undefined;
  const delimiter = most(DELIMITERS, (candidate) => first.split(candidate).length);
  const names = splitCsvLine(first, delimiter).map((name) => name.trim());
  const plain = !text.includes('"') && !(text.includes("\r\n") && /[^\r]\n/.test(text));
  if (isHeader(names)) {
    const places = placesByName(names);
    return { delimiter, header: true, fields: names.length, places, plain };
  }
  // The last line may be cut by the end of the sample.
  const whole = lines.length > 1 ? lines.slice(0, -1) : lines;
  const counts = Map.groupBy(whole, (line) => fieldCount(splitCsvLine(line, delimiter)));
  const fields = most([...counts.keys()], (count) => counts.get(count)?.length ?? 0);
  if (!HEADERLESS_COLUMNS.includes(fields)) {
    throw new Refusal(
      "validation_error",
      `Cannot read lines of ${fields} columns without a header: expected 6, 11 or 12`,
    );
  }
  return { delimiter, header: false, fields, places: placesByOrder(fields), plain };
}

/** A trailing delimiter is harmless and common. */
function fieldCount(fields: readonly string[]): number {
  const isTrailing = fields.at(-1) === "" && !HEADERLESS_COLUMNS.includes(fields.length);
  return isTrailing ? fields.length - 1 : fields.length;
}

/** Fields of one line; quotes as RFC 4180 has them, but never over a line's end. */
export function splitCsvLine(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter);
  const fields: string[] = [];
  let at = 0;
  while (at <= line.length) {
    const quoted = line[at] === '"' ? closingQuote(line, at) : -1;
    if (quoted >= 0 && (quoted + 1 === line.length || line.startsWith(delimiter, quoted + 1))) {
      fields.push(line.slice(at + 1, quoted).replaceAll('""', '"'));
      at = quoted + 1 + delimiter.length;
      if (quoted + 1 === line.length) return fields;
      continue;
    }
    const end = line.indexOf(delimiter, at);
    if (end < 0) return [...fields, line.slice(at)];
    fields.push(line.slice(at, end));
    at = end + delimiter.length;
  }
  return fields;
}

function closingQuote(line: string, open: number): number {
  for (let at = line.indexOf('"', open + 1); at >= 0; at = line.indexOf('"', at + 2)) {
    if (line[at + 1] !== '"') return at;
  }
  return -1;
}

function most<T>(candidates: readonly T[], score: (candidate: T) => number): T {
  const [first, ...others] = candidates;
  if (first === undefined) throw new TypeError("Cannot choose among none");
  return others.reduce((best, other) => score(other) > score(best) ? other : best, first);
}
