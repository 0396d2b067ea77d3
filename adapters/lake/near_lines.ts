import { type Interval, slotEnd } from "@/domain/klines/interval.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { LakeQuery, Scale } from "@/domain/ports/lake.ts";
import type { RawRows } from "./engine.ts";

type LineQuery = Pick<LakeQuery, "interval" | "numbers" | "format">;

/** Decimals of each column of {@linkcode KLINE_COLUMNS}; undefined where it holds integers. */
type Places = readonly (number | undefined)[];

/**
 * Lines of a few thousand candles, equal to those of `lineSql`, from rows of KLINE_COLUMNS: the
 * engine takes longer to plan and to write such text than to read the values.
 */
export function nearLines(
  rows: RawRows,
  { query, scale, from, to }: { query: LineQuery; scale: Scale; from: number; to: number },
): string[] {
  const isJson = query.format === "arrays" || query.format === "objects";
  const texts = {
    places: placesOf(scale),
    interval: query.interval,
    quote: isJson && query.numbers === "string" ? '"' : "",
    missing: query.format === "csv" ? "" : "null",
  };
  const lines: string[] = [];
  for (let row = from; row < to; row++) lines.push(joined(textsOf(rows, row, texts), query.format));
  return lines;
}

function placesOf({ price, volume, quote }: Scale): Places {
  return [
    undefined,
    price,
    price,
    price,
    price,
    volume,
    undefined,
    quote,
    undefined,
    volume,
    quote,
  ];
}

interface TextOptions {
  readonly places: Places;
  readonly interval: Interval;
  readonly quote: string;
  readonly missing: string;
}

function textsOf(
  rows: RawRows,
  row: number,
  { places, interval, quote, missing }: TextOptions,
): string[] {
  const texts: string[] = [];
  for (let column = 0; column < places.length; column++) {
    const value = rows.at(column, row);
    const scale = places[column];
    if (value === null) texts.push(column === CLOSE_TIME ? regularClose(texts, interval) : missing);
    else if (scale === undefined) texts.push(String(value));
    else texts.push(quote + plainDecimal(value, scale) + quote);
  }
  return texts;
}

const CLOSE_TIME = KLINE_COLUMNS.indexOf("close_time");

function regularClose([openTime]: readonly string[], interval: Interval): string {
  return String(slotEnd(interval, Number(openTime)) - 1);
}

function joined(texts: readonly string[], format: LakeQuery["format"]): string {
  switch (format) {
    case "arrays":
      return `[${texts.join(",")}]`;
    case "objects":
      return `{${texts.map((text, at) => `"${KLINE_COLUMNS[at]}":${text}`).join(",")}}`;
    case "freqtrade":
      return `[${texts.slice(0, 6).join(",")}]`;
    case "csv":
    case "parquet":
      return texts.join(",");
  }
}

/** A decimal without its point, as canonical text: no trailing zeros, no exponent. */
export function plainDecimal(scaled: bigint, scale: number): string {
  const value = Number(scaled) / 10 ** scale;
  // A double prints the shortest text that means it, which is the one that up to 15 digits came from.
  if (scaled > -EXACT && scaled < EXACT && (Math.abs(value) >= 1e-6 || scaled === 0n)) {
    return String(value);
  }
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(scale + 1, "0");
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  const whole = (scaled < 0n ? "-" : "") + digits.slice(0, digits.length - scale);
  return scale === 0 || fraction === "" ? whole : `${whole}.${fraction}`;
}

const EXACT = 10n ** 15n;
