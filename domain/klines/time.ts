import { canonicalDecimal } from "./decimal.ts";

/** Furthest instant from the epoch that a Date can hold. */
const MAX_TIME = 8_640_000_000_000_000;

const ISO =
  /^\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?)?\s*$/;

/**
 * Epoch ms of a number or numeric text, whose unit is told by its magnitude (above 1e17 ns, above
 * 1e14 µs, above 1e11 ms, else s), or of `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS[.fff]]` and ISO 8601;
 * UTC unless an offset says otherwise. What is finer than a ms is cut off. Undefined when unreadable.
 */
export function parseTime(value: string | number | bigint): number | undefined {
  const text = String(value);
  const time = fromNumber(text) ?? fromIso(text);
  return time === undefined || Math.abs(time) > MAX_TIME ? undefined : time;
}

/** ISO 8601 in UTC with ms, for messages and answers. */
export function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function fromNumber(text: string): number | undefined {
  const decimal = canonicalDecimal(text);
  if (decimal === undefined) return undefined;
  const size = Math.abs(Number(decimal));
  if (size > 1e17) return shifted(decimal, -6);
  if (size > 1e14) return shifted(decimal, -3);
  return shifted(decimal, size > 1e11 ? 0 : 3);
}

/** `decimal × 10^places`, rounded down: exact where a float product would not be. */
function shifted(decimal: string, places: number): number {
  const [whole = "0", fraction = ""] = decimal.split(".");
  if (places > 0) {
    const kept = fraction.slice(0, places).padEnd(places, "0");
    return floored(BigInt(whole.replace("-", "") + kept), decimal, fraction.length > places);
  }
  const digits = whole.replace("-", "");
  const kept = digits.slice(0, digits.length + places) || "0";
  const cut = digits.slice(digits.length + places) + fraction;
  return floored(BigInt(kept), decimal, /[1-9]/.test(cut));
}

function floored(magnitude: bigint, decimal: string, inexact: boolean): number {
  if (!decimal.startsWith("-")) return Number(magnitude);
  return -Number(magnitude) - (inexact ? 1 : 0);
}

function fromIso(text: string): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  const fields = [year, month, day, hour, minute, second].map(Number);
  const [y = NaN, mo = NaN, d = NaN, h = NaN, mi = NaN, s = NaN] = fields;
  const time = Date.UTC(y, mo - 1, d, h, mi, s, Number(fraction.slice(0, 3).padEnd(3, "0")));
  const date = new Date(time);
  // Date.UTC carries over what does not exist: 31 February becomes 3 March.
  const exists = y >= 100 && date.getUTCMonth() === mo - 1 && date.getUTCDate() === d && h < 24 &&
    mi < 60 && s < 60;
  const offsetMinutes = offset(zone);
  return exists && offsetMinutes !== undefined ? time - offsetMinutes * 60_000 : undefined;
}

/** Minutes east of UTC. */
function offset(zone: string | undefined): number | undefined {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone ?? "");
  if (match === null) return 0;
  const [, sign, hours, minutes] = match;
  if (Number(hours) > 14 || Number(minutes) > 59) return undefined;
  return (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
}
