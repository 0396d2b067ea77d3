import type { Candle } from "./candle.ts";
import { canonicalDecimal, compareDecimals } from "./decimal.ts";
import { DAY_MS, type Interval, slotEnd } from "./interval.ts";
import { MIN_OPEN_TIME } from "./open_times.ts";
import { parseTime } from "./time.ts";

/** Why a row is refused. */
export type RejectReason =
  | "bad_number"
  | "bad_time"
  | "ohlc_violation"
  | "negative_volume"
  | "not_closed"
  | "duplicate_in_batch";

/**
 * A row as it came: values in the order of the columns (`open_time, open, high, low, close, volume,
 * close_time, quote_volume, trades_count, taker_buy_volume, taker_buy_quote_volume`, the last ones
 * may be left out) or under a candle's names.
 */
export type RawKline = readonly unknown[] | { readonly [K in keyof Candle]?: unknown };

export interface ValidateOptions {
  readonly interval: Interval;
  /** The exchange's time where it was asked, epoch ms. */
  readonly now: number;
}

export interface Rejected {
  /** Counts from 1 over the rows of the batch. */
  readonly row: number;
  readonly reason: RejectReason;
}

/** Ten years, counted as 3,652 days. */
export const MAX_AHEAD_MS = 3_652 * DAY_MS;

const FIELDS = [
  "openTime",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "closeTime",
  "quoteVolume",
  "tradesCount",
  "takerBuyVolume",
  "takerBuyQuoteVolume",
] as const satisfies readonly (keyof Candle)[];

type Values = Readonly<Partial<Record<keyof Candle, unknown>>>;

/**
 * The candle a row holds, or the first of these reasons that applies:
 *
 * 1. `bad_time`: the open time is missing, unreadable, before {@linkcode MIN_OPEN_TIME} or after
 *    now + {@linkcode MAX_AHEAD_MS}; a given close time is unreadable or before the open time (venues
 *    have closed bars at the very moment at which they opened).
 * 2. `bad_number`: one of open, high, low, close, volume is missing or unreadable; a given detail
 *    is unreadable; the trades count is no integer from 0 to 2^53 − 1. Readable is a finite decimal
 *    of at most 18 decimals and 20 integer digits, padding zeros not counted.
 * 3. `ohlc_violation`: low > min(open, close) or high < max(open, close). Prices may be negative.
 * 4. `negative_volume`: volume, quote volume or one of the taker volumes is below 0.
 * 5. `not_closed`: the candle ends after `now`, an off-grid one a whole interval after it opened.
 *
 * Null, undefined and text of spaces only are missing; numbers and text are read, nothing else is.
 * A close time one ms before the candle's end is regular and becomes null.
 */
export function validateRow(
  row: RawKline,
  { interval, now }: ValidateOptions,
): Candle | RejectReason {
  const values = valuesOf(row);
  const openTime = readWith(parseTime, values.openTime);
  const closeTime = readWith(parseTime, values.closeTime);
  if (openTime === undefined || openTime === null || closeTime === undefined) return "bad_time";
  if (closeTime !== null && closeTime < openTime) return "bad_time";
  if (openTime < MIN_OPEN_TIME || openTime > now + MAX_AHEAD_MS) return "bad_time";
  const numbers = readNumbers(values);
  if (numbers === undefined) return "bad_number";
  if (!isOrdered(numbers)) return "ohlc_violation";
  if (hasNegativeVolume(numbers)) return "negative_volume";
  const end = slotEnd(interval, openTime);
  if (end > now) return "not_closed";
  return { openTime, ...numbers, closeTime: closeTime === end - 1 ? null : closeTime };
}

/**
 * Valid candles ascending by open time, and every other row with its reason. Of equal open times
 * the last valid row wins; the earlier valid ones are `duplicate_in_batch`, or only `repeated` where
 * they say the same as the last one.
 */
export function validateBatch(
  rows: readonly RawKline[],
  options: ValidateOptions,
): {
  readonly candles: readonly Candle[];
  readonly rejected: readonly Rejected[];
  readonly repeated: number;
} {
  const valid = new Map<number, { readonly row: number; readonly candle: Candle }[]>();
  const rejected: Rejected[] = [];
  for (const [index, raw] of rows.entries()) {
    const row = index + 1;
    const candle = validateRow(raw, options);
    if (typeof candle === "string") {
      rejected.push({ row, reason: candle });
      continue;
    }
    const same = valid.get(candle.openTime);
    if (same === undefined) valid.set(candle.openTime, [{ row, candle }]);
    else same.push({ row, candle });
  }
  const candles: Candle[] = [];
  let repeated = 0;
  for (const rows of valid.values()) {
    const last = rows.at(-1);
    if (last === undefined) continue;
    candles.push(last.candle);
    for (const { row, candle } of rows.slice(0, -1)) {
      if (JSON.stringify(candle) === JSON.stringify(last.candle)) repeated++;
      else rejected.push({ row, reason: "duplicate_in_batch" });
    }
  }
  return {
    repeated,
    candles: candles.sort((a, b) => a.openTime - b.openTime),
    rejected: rejected.sort((a, b) => a.row - b.row),
  };
}

type Numbers = Omit<Candle, "openTime" | "closeTime">;

function readNumbers(values: Values): Numbers | undefined {
  const read = (field: keyof Numbers) => readWith(canonicalDecimal, values[field]);
  const [open, high, low, close] = [read("open"), read("high"), read("low"), read("close")];
  const volume = read("volume");
  if (!open || !high || !low || !close || !volume) return undefined;
  const tradesCount = toCount(read("tradesCount"));
  const quoteVolume = read("quoteVolume");
  const takerBuyVolume = read("takerBuyVolume");
  const takerBuyQuoteVolume = read("takerBuyQuoteVolume");
  if (tradesCount === undefined || quoteVolume === undefined) return undefined;
  if (takerBuyVolume === undefined || takerBuyQuoteVolume === undefined) return undefined;
  const detail = { quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume };
  return { open, high, low, close, volume, ...detail };
}

function toCount(text: string | null | undefined): number | null | undefined {
  if (text === null || text === undefined) return text;
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

function isOrdered({ open, high, low, close }: Numbers): boolean {
  return [open, close].every((price) =>
    compareDecimals(low, price) <= 0 && compareDecimals(price, high) <= 0
  );
}

function hasNegativeVolume(numbers: Numbers): boolean {
  const { volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume } = numbers;
  return [volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume].some((v) => v?.startsWith("-"));
}

/** Null where nothing is given, undefined where it cannot be read. */
function readWith<T>(
  read: (value: string | number | bigint) => T | undefined,
  value: unknown,
): T | null | undefined {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value.trim() === "" ? null : read(value);
  return typeof value === "number" || typeof value === "bigint" ? read(value) : undefined;
}

function valuesOf(row: RawKline): Values {
  return isTuple(row) ? Object.fromEntries(FIELDS.map((field, i) => [field, row[i]])) : row;
}

function isTuple(row: RawKline): row is readonly unknown[] {
  return Array.isArray(row);
}
