import { type Interval, intervalMs, slotAt } from "@/domain/klines/interval.ts";

/** A text as an SQL literal. Paths and texts are ours, yet nothing is trusted to be free of quotes. */
export function literal(text: string): string {
  if (text.includes("\0")) throw new TypeError("Cannot quote a text with U+0000");
  return `'${text.replaceAll("'", "''")}'`;
}

export function literals(texts: readonly string[]): string {
  return `[${texts.map(literal).join(", ")}]`;
}

/** Start of the slot (ms) that an open time lies in. */
export function slotStartSql(interval: Interval, openTime: string, offsetMs = 0): string {
  if (offsetMs !== 0) {
    return `(${slotStartSql(interval, `(${openTime} + ${offsetMs})`)} - ${offsetMs})`;
  }
  if (interval === "1M") return `epoch_ms(${monthSql(openTime)})`;
  const [ms, first] = [intervalMs(interval), slotAt(interval, 0)];
  if (first === 0) return `(${openTime} // ${ms} * ${ms})`;
  return `((${openTime} - ${first}) // ${ms} * ${ms} + ${first})`;
}

/** A number that grows by one from slot to slot. */
export function slotNumberSql(interval: Interval, openTime: string): string {
  if (interval !== "1M") {
    return `((${openTime} - ${slotAt(interval, 0)}) // ${intervalMs(interval)})`;
  }
  const at = `make_timestamp_ms(${openTime})`;
  return `(year(${at}) * 12 + month(${at}))`;
}

/** Start (ms) of the slot after the one that starts then. */
export function nextSlotSql(interval: Interval, slotStart: string): string {
  return slotEndSql(interval, slotStart);
}

/** Exclusive end (ms) of a candle opened then; off-grid ones last a whole interval too. */
export function slotEndSql(interval: Interval, openTime: string, offsetMs = 0): string {
  if (offsetMs !== 0) {
    return `(${slotEndSql(interval, `(${openTime} + ${offsetMs})`)} - ${offsetMs})`;
  }
  if (interval !== "1M") return `(${openTime} + ${intervalMs(interval)})`;
  return `epoch_ms(${monthSql(openTime)} + interval 1 month)`;
}

function monthSql(openTime: string): string {
  return `date_trunc('month', make_timestamp_ms(${openTime}))`;
}
