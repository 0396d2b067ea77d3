import type { VisionMarket } from "./vision_files.ts";

/** The line that stands above the candles of futures; spot has none. */
const FUTURES_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count," +
  "taker_buy_volume,taker_buy_quote_volume,ignore\n";

/** From here on Binance's spot files count microseconds. */
const MICROSECONDS_FROM = Date.UTC(2025, 0, 1);

/** Decimals that Binance writes for spot, zeros included. */
const SPOT_DECIMALS = 8;

/** Places of decimals among the columns of a candle; the others are times and a count. */
const DECIMALS = [1, 2, 3, 4, 5, 7, 9, 10] as const;

export function visionHeader(market: VisionMarket): string {
  return market === "spot" ? "" : FUTURES_HEADER;
}

/**
 * Lines of our CSV (columns of {@linkcode KLINE_COLUMNS}, exact decimals, ms) as Binance publishes
 * them: twelve columns, the last one `0`; for spot with eight decimals, and times in microseconds from
 * 2025 on. What a venue did not send stays empty.
 */
export function visionRows(lines: readonly string[], market: VisionMarket): string {
  const isSpot = market === "spot";
  let text = "";
  for (const line of lines) text += isSpot ? spotRow(line) : `${line},0\n`;
  return text;
}

function spotRow(line: string): string {
  const cells = line.split(",");
  const [openTime, closeTime] = [Number(cells[0]), cells[6] ?? ""];
  for (const place of DECIMALS) cells[place] = padded(cells[place] ?? "");
  if (openTime >= MICROSECONDS_FROM) {
    cells[0] = `${openTime}000`;
    // The last microsecond of the candle, as its close time is its last millisecond.
    cells[6] = closeTime === "" ? "" : `${closeTime}999`;
  }
  return `${cells.join(",")},0\n`;
}

function padded(decimal: string): string {
  if (decimal === "") return "";
  const point = decimal.indexOf(".");
  if (point === -1) return `${decimal}.${"0".repeat(SPOT_DECIMALS)}`;
  return decimal.padEnd(point + 1 + SPOT_DECIMALS, "0");
}
