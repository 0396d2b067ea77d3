import { type Candle, toRow } from "@/domain/klines/candle.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";

/** Lines for the lake's reader, each with its end; what is not known is empty. */
export function csvLines(candles: readonly Candle[]): string {
  return candles.map((candle) => `${toRow(candle).map((value) => value ?? "").join(",")}\n`)
    .join("");
}

export const CSV_HEADER = `${KLINE_COLUMNS.join(",")}\n`;
