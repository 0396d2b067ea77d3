import type { Candle } from "@/domain/klines/candle.ts";
import { type Interval, slotEnd } from "@/domain/klines/interval.ts";
import { gunzipped } from "./shared_data.ts";

/** Binance's twelve columns as they go over the wire. */
export type WireRow = readonly [
  openTime: number,
  open: string,
  high: string,
  low: string,
  close: string,
  volume: string,
  closeTime: number,
  quoteVolume: string,
  trades: number,
  takerVolume: string,
  takerQuote: string,
  ignore: "0",
];

/** What the server holds of a symbol, `BTCUSDT 1m` → rows ascending by open time. */
export type Book = ReadonlyMap<string, readonly WireRow[]>;

/** A candle as Binance writes it: eight decimals, nothing unknown. */
export function wireRow(candle: Candle, interval: Interval): WireRow {
  const { openTime, open, high, low, close, volume } = candle;
  return [
    ...[openTime, eight(open), eight(high), eight(low), eight(close), eight(volume)] as const,
    candle.closeTime ?? slotEnd(interval, openTime) - 1,
    eight(candle.quoteVolume ?? "0"),
    candle.tradesCount ?? 0,
    eight(candle.takerBuyVolume ?? "0"),
    eight(candle.takerBuyQuoteVolume ?? "0"),
    "0",
  ];
}

/** Rows of one of the real files, with 6 or 12 columns. */
export async function realRows(path: string, interval: Interval): Promise<WireRow[]> {
  const [, ...lines] = (await gunzipped(path)).trim().split("\n");
  return lines.map((line) => {
    const [at, o = "", h = "", l = "", c = "", v = "", end, q = "0", n = "0", tv = "0", tq = "0"] =
      line.split(",");
    const openTime = Number(at);
    const closeTime = end === undefined ? slotEnd(interval, openTime) - 1 : Number(end);
    return [openTime, o, h, l, c, v, closeTime, q, Number(n), tv, tq, "0"];
  });
}

/**
 * Binance's rules for one page: with a start the oldest rows from it, without one the newest up to
 * the end; ascending, at most `limit`. A row that has not opened yet is not there.
 */
export function page(
  rows: readonly WireRow[],
  { start, end = Infinity, limit, now }: {
    start: number | undefined;
    end: number | undefined;
    limit: number;
    now: number;
  },
): WireRow[] {
  const last = firstAtOrAfter(rows, Math.min(end, now) + 1);
  if (start === undefined) return rows.slice(Math.max(0, last - limit), last);
  const first = firstAtOrAfter(rows, start);
  return rows.slice(first, Math.min(last, first + limit));
}

function firstAtOrAfter(rows: readonly WireRow[], time: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.[0] ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function eight(decimal: string): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  return `${whole}.${fraction.padEnd(8, "0")}`;
}
