import { slotStart } from "@/domain/klines/interval.ts";
import type { KlinePage, KlineQuery } from "@/domain/ports/kline_reader.ts";

/** What stands before the open time of a row, which no value of a row holds. */
const OPENING = { arrays: "[", objects: `{"open_time":` } as const;
const ZERO = 0x30;

/**
 * Open times of a page of stored candles that are off the grid, out of its JSON, which is never parsed
 * as a whole; undefined when there are none.
 */
export function irregularTimes(
  { stored, interval, format }: Pick<KlineQuery, "stored" | "interval" | "format">,
  { bytes, rows }: Pick<KlinePage, "bytes" | "rows">,
): readonly number[] | undefined {
  if (interval !== stored || (format !== "arrays" && format !== "objects")) return undefined;
  const opening = OPENING[format];
  const found: number[] = [];
  // The first bracket is that of the rows.
  let at = 1;
  for (let row = 0; row < rows; row++) {
    at = bytes.indexOf(opening.charCodeAt(0), at) + opening.length;
    let openTime = 0;
    for (let digit; (digit = digitAt(bytes, at)) !== undefined; at++) {
      openTime = openTime * 10 + digit;
    }
    if (slotStart(interval, openTime) !== openTime) found.push(openTime);
  }
  return found.length === 0 ? undefined : found;
}

function digitAt(bytes: Uint8Array, at: number): number | undefined {
  const digit = (bytes[at] ?? 0) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : undefined;
}
