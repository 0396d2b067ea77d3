import { intervalMs } from "@/domain/klines/interval.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { LakeQuery, Scale } from "@/domain/ports/lake.ts";
import { DigitWriter } from "./digit_writer.ts";
import type { RawColumns } from "./raw_columns.ts";

type LineQuery = Pick<LakeQuery, "interval" | "numbers" | "format" | "order">;

/** Rows of some candles: columns of KLINE_COLUMNS, those at the end may lack. */
export interface Segment extends RawColumns {
  readonly scale: Scale;
  /** Rows that count, from inclusive to exclusive. */
  readonly from: number;
  readonly to: number;
}

/**
 * Lines of a few thousand candles of ascending segments, equal to those of `lineSql`: the engine takes
 * longer to plan and to write such text than to read the values. Those of 1M, whose end is no length,
 * must have their close times.
 */
export function nearLines(
  segments: readonly Segment[],
  query: LineQuery,
): Uint8Array<ArrayBuffer> {
  const out = new DigitWriter(segments.reduce((sum, { from, to }) => sum + to - from, 0) * 80);
  const layout = layoutOf(query);
  const separator = query.format === "csv" ? "\n" : ",";
  let isFirst = true;
  for (const segment of query.order === "asc" ? segments : segments.toReversed()) {
    const { from, to } = segment;
    for (let n = from; n < to; n++) {
      if (!isFirst) out.text(separator);
      isFirst = false;
      writeRow(out, { segment, row: query.order === "asc" ? n : from + to - 1 - n, layout });
    }
  }
  return out.bytes();
}

interface Layout {
  readonly columns: number;
  readonly labels: readonly string[];
  readonly open: string;
  readonly close: string;
  readonly quote: string;
  readonly missing: string;
  readonly slotMs: number;
}

function layoutOf({ interval, numbers, format }: LineQuery): Layout {
  const isJson = format === "arrays" || format === "objects";
  const [open, close] = format === "objects"
    ? ["{", "}"]
    : format === "csv"
    ? ["", ""]
    : ["[", "]"];
  return {
    columns: format === "freqtrade" ? 6 : KLINE_COLUMNS.length,
    labels: KLINE_COLUMNS.map((name, at) =>
      (at === 0 ? "" : ",") + (format === "objects" ? `"${name}":` : "")
    ),
    ...{ open, close, quote: isJson && numbers === "string" ? '"' : "" },
    missing: format === "csv" ? "" : "null",
    // Months differ: their candles tell their close times.
    slotMs: interval === "1M" ? NaN : intervalMs(interval),
  };
}

interface Row {
  readonly segment: Segment;
  readonly row: number;
  readonly layout: Layout;
}

function writeRow(out: DigitWriter, { segment: { columns, scale }, row, layout }: Row): void {
  const { open, close, labels, quote, missing, slotMs } = layout;
  const openTime = columns[0]?.numbers[row] ?? 0;
  out.text(open);
  for (let at = 0; at < layout.columns; at++) {
    out.text(labels[at] ?? "");
    const column = columns[at];
    const number = column?.numbers[row] ?? NaN;
    const places = PLACES[at];
    if (Number.isNaN(number)) {
      if (at === CLOSE_TIME) out.decimal(openTime + slotMs - 1, 0);
      else out.text(missing);
      continue;
    }
    const mark = places === undefined ? "" : quote;
    if (mark !== "") out.text(mark);
    const wide = column?.wide?.[row];
    if (wide === undefined || wide === null) {
      out.decimal(number, places === undefined ? 0 : scale[places]);
    } else out.text(plainDecimal(wide, places === undefined ? 0 : scale[places]));
    if (mark !== "") out.text(mark);
  }
  out.text(close);
}

/** Which decimals a column has; undefined for integers. */
export const PLACES: readonly (keyof Scale | undefined)[] = [
  undefined,
  "price",
  "price",
  "price",
  "price",
  "volume",
  undefined,
  "quote",
  undefined,
  "volume",
  "quote",
];

const CLOSE_TIME = KLINE_COLUMNS.indexOf("close_time");

/** A decimal without its point, as canonical text: no trailing zeros, no exponent. */
export function plainDecimal(scaled: bigint, scale: number): string {
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(scale + 1, "0");
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  const whole = (scaled < 0n ? "-" : "") + digits.slice(0, digits.length - scale);
  return scale === 0 || fraction === "" ? whole : `${whole}.${fraction}`;
}
