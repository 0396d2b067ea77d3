/** Candle intervals, by Binance's names. */
export const INTERVALS = [
  "1s",
  "1m",
  "3m",
  "5m",
  "15m",
  "30m",
  "1h",
  "2h",
  "4h",
  "6h",
  "8h",
  "12h",
  "1d",
  "3d",
  "1w",
  "1M",
] as const;

export type Interval = typeof INTERVALS[number];

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY_MS = 24 * HOUR;

const LENGTH_MS = {
  "1s": SECOND,
  "1m": MINUTE,
  "3m": 3 * MINUTE,
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "30m": 30 * MINUTE,
  "1h": HOUR,
  "2h": 2 * HOUR,
  "4h": 4 * HOUR,
  "6h": 6 * HOUR,
  "8h": 8 * HOUR,
  "12h": 12 * HOUR,
  "1d": DAY_MS,
  "3d": 3 * DAY_MS,
  "1w": 7 * DAY_MS,
} as const satisfies Record<Exclude<Interval, "1M">, number>;

/** The epoch was a Thursday; weeks start on the Monday after it, everything else at the epoch. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

export function isInterval(text: string): text is Interval {
  return INTERVALS.some((interval) => interval === text);
}

/** Throws a RangeError for `1M`, which has no fixed length: count in slots there. */
export function intervalMs(interval: Interval): number {
  if (interval === "1M") throw new RangeError("Cannot measure 1M in ms: months differ");
  return LENGTH_MS[interval];
}

/** Number of the slot that holds `t`, ascending by one from slot to slot. */
export function slotIndex(interval: Interval, t: number): number {
  if (interval !== "1M") return Math.floor((t - origin(interval)) / LENGTH_MS[interval]);
  const date = new Date(t);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** Open time of the slot with this number; the inverse of {@linkcode slotIndex}. */
export function slotAt(interval: Interval, index: number): number {
  if (interval === "1M") return Date.UTC(1970, index);
  return index * LENGTH_MS[interval] + origin(interval);
}

/**
 * Open time of the slot that holds `t`: weeks from Monday, 3d from the epoch, calendar months, as clocks
 * show them that are `offsetMs` ahead of UTC.
 */
export function slotStart(interval: Interval, t: number, offsetMs = 0): number {
  return slotAt(interval, slotIndex(interval, t + offsetMs)) - offsetMs;
}

/**
 * When a candle opened at `openTime` ends, exclusive. An off-grid candle lasts as long as any
 * other; a month ends where the next one starts.
 */
export function slotEnd(interval: Interval, openTime: number, offsetMs = 0): number {
  if (interval !== "1M") return openTime + LENGTH_MS[interval];
  return nextSlot(interval, openTime + offsetMs) - offsetMs;
}

/**
 * The smallest offset whose clocks show the same slots: 0 where they are those of UTC. Months are
 * those of the offset itself.
 */
export function slotOffset(interval: Interval, offsetMs: number): number {
  if (interval === "1M") return offsetMs;
  const ms = LENGTH_MS[interval];
  return ((offsetMs % ms) + ms) % ms;
}

/** Whether `wanted` slots of such clocks are made of whole `stored` slots of UTC. */
export function dividesAt(stored: Interval, wanted: Interval, offsetMs: number): boolean {
  if (offsetMs === 0) return divides(stored, wanted);
  return stored !== wanted && divides(stored, wanted) && offsetMs % intervalMs(stored) === 0;
}

/** Open time of the first slot after the one that holds `t`. */
export function nextSlot(interval: Interval, t: number): number {
  return slotAt(interval, slotIndex(interval, t) + 1);
}

/** Open time of the slot before the one that holds `t`. */
export function previousSlot(interval: Interval, t: number): number {
  return slotAt(interval, slotIndex(interval, t) - 1);
}

/** Open time of the first slot that starts at or after `t`. */
export function slotFrom(interval: Interval, t: number): number {
  const start = slotStart(interval, t);
  return start === t ? t : nextSlot(interval, t);
}

/** Whether every `wanted` slot is made of whole `stored` slots. */
export function divides(stored: Interval, wanted: Interval): boolean {
  if (stored === wanted) return true;
  if (stored === "1M") return false;
  // Months are whole days and nothing larger.
  const wantedMs = wanted === "1M" ? DAY_MS : LENGTH_MS[wanted];
  return wantedMs % LENGTH_MS[stored] === 0;
}

/** The largest stored interval that `wanted` can be aggregated from: itself where it is stored. */
export function aggregationSource(
  stored: readonly Interval[],
  wanted: Interval,
): Interval | undefined {
  return INTERVALS.findLast((interval) => stored.includes(interval) && divides(interval, wanted));
}

function origin(interval: Exclude<Interval, "1M">): number {
  return interval === "1w" ? FIRST_MONDAY_MS : 0;
}
