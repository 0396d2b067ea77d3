import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { LakeQuery, Scale } from "@/domain/ports/lake.ts";
import { slotEndSql } from "./sql.ts";
import { DECIMALS, PRICES, QUOTE_VOLUMES } from "./stage_sql.ts";

type LineQuery = Pick<LakeQuery, "interval" | "numbers" | "format" | "offsetMs">;

/** One candle, of this declared scale, as a line of the asked format. */
export function lineSql(query: LineQuery, scale: Scale): string {
  switch (query.format) {
    case "arrays":
      return joined("[", textColumns(query, { scale, missing: "null" }), "]");
    case "objects": {
      const texts = textColumns(query, { scale, missing: "null" });
      return joined("{", texts.map((text, at) => `'"${KLINE_COLUMNS[at]}":', ${text}`), "}");
    }
    case "csv":
    case "parquet":
      return joined("", textColumns({ ...query, numbers: "number" }, { scale, missing: "" }), "");
    case "freqtrade": {
      const texts = textColumns({ ...query, numbers: "number" }, { scale, missing: "null" });
      return joined("[", texts.slice(0, 6), "]");
    }
  }
}

/** A missing close time is the regular one. */
export function closeTimeSql(
  { interval, offsetMs }: Pick<LakeQuery, "interval" | "offsetMs">,
): string {
  return `coalesce(close_time, ${slotEndSql(interval, "open_time", offsetMs)} - 1)`;
}

function joined(open: string, texts: readonly string[], close: string): string {
  return `concat('${open}', ${texts.join(", ',', ")}, '${close}')`;
}

function textColumns(
  query: LineQuery,
  { scale, missing }: { scale: Scale; missing: "null" | "" },
): string[] {
  return KLINE_COLUMNS.map((name) => {
    if (name === "open_time") return name;
    if (name === "close_time") return closeTimeSql(query);
    if (!DECIMALS.some((d) => d === name)) return `coalesce(${name}::varchar, '${missing}')`;
    const text = decimalText(name, scaleOf(name, scale));
    const value = query.numbers === "string" ? `'"' || ${text} || '"'` : text;
    return isNullable(name) ? `coalesce(${value}, '${missing}')` : value;
  });
}

/** A decimal's text without trailing zeros; without decimals it has none to lose. */
function decimalText(name: string, scale: number): string {
  return scale === 0 ? `${name}::varchar` : `rtrim(rtrim(${name}::varchar, '0'), '.')`;
}

function scaleOf(name: string, { price, volume, quote }: Scale): number {
  if (PRICES.some((column) => column === name)) return price;
  return QUOTE_VOLUMES.some((column) => column === name) ? quote : volume;
}

function isNullable(name: string): boolean {
  return KLINE_COLUMNS.slice(6).some((column) => column === name);
}
