import { KLINE_COLUMNS } from "../ports/kline_reader.ts";
import type { Candle } from "./candle.ts";

/** Lines for the lake's reader, each with its end; what is not known is empty. */
export function csvLines(candles: readonly Candle[]): string {
  let text = "";
  // No arrays on the way: a long crawl writes millions of lines.
  for (const c of candles) {
    text += `${c.openTime},${c.open},${c.high},${c.low},${c.close},${c.volume},` +
      `${c.closeTime ?? ""},${c.quoteVolume ?? ""},${c.tradesCount ?? ""},` +
      `${c.takerBuyVolume ?? ""},${c.takerBuyQuoteVolume ?? ""}\n`;
  }
  return text;
}

export const CSV_HEADER = `${KLINE_COLUMNS.join(",")}\n`;
