import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { DAY_MS, type Interval, nextSlot, slotIndex, slotStart } from "./interval.ts";
import { ALWAYS_OPEN, type MarketCalendar } from "./market_calendar.ts";

/** What is known of a series' slots. Ranges are slot-aligned, ascending, disjoint, from inclusive to exclusive (ms). */
export interface Coverage {
  readonly held: readonly OpenTimeRange[];
  /** Slots where the exchange was asked and had nothing. */
  readonly absent: readonly AbsentRange[];
  /** Deleted on purpose and never to be crawled again. */
  readonly keptOut: readonly OpenTimeRange[];
}

export interface AbsentRange {
  readonly from: number;
  readonly to: number;
  readonly asks: number;
  /** The last time, epoch ms. */
  readonly askedAt: number;
}

/** A hole between the first and the last held slot. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** Slots. */
  readonly missing: number;
  /** The exchange has no candle there either: see {@linkcode verifiedEmpty}. */
  readonly verifiedEmpty: boolean;
}

/** Ascending and disjoint; what overlaps or touches is joined, what is empty is dropped. */
export function mergeRanges(ranges: readonly OpenTimeRange[]): OpenTimeRange[] {
  const merged: OpenTimeRange[] = [];
  const ascending = ranges.filter(([from, to]) => from < to).sort(([a], [b]) => a - b);
  for (const [from, to] of ascending) {
    const last = merged.at(-1);
    if (last === undefined || last[1] < from) merged.push([from, to]);
    else if (last[1] < to) merged[merged.length - 1] = [last[0], to];
  }
  return merged;
}

/** Everything that lies in one of both; merged. */
export function addRanges(
  held: readonly OpenTimeRange[],
  added: readonly OpenTimeRange[],
): OpenTimeRange[] {
  const [last, first] = [held.at(-1), added.at(0)];
  // The live edge adds one slot at the end, over and over, to what is merged already.
  if (last !== undefined && first !== undefined && added.length === 1 && first[0] >= last[0]) {
    return [...held.slice(0, -1), ...mergeRanges([last, first])];
  }
  return mergeRanges([...held, ...added]);
}

/** What of `ranges` lies in none of `removed`; merged. */
export function subtractRanges(
  ranges: readonly OpenTimeRange[],
  removed: readonly OpenTimeRange[],
): OpenTimeRange[] {
  const cuts = mergeRanges(removed);
  const rest: OpenTimeRange[] = [];
  let cut = 0;
  for (const [from, to] of mergeRanges(ranges)) {
    let next = from;
    while ((cuts[cut]?.[1] ?? Infinity) <= from) cut++;
    for (let i = cut; next < to; i++) {
      const [start, end] = cuts[i] ?? [Infinity, Infinity];
      if (next < start) rest.push([next, Math.min(start, to)]);
      next = end;
    }
  }
  return rest;
}

/** What of `ranges` lies in `[from, to)`; merged. */
export function clipRanges(
  ranges: readonly OpenTimeRange[],
  [from, to]: OpenTimeRange,
): OpenTimeRange[] {
  return mergeRanges(ranges.map(([a, b]) => [Math.max(a, from), Math.min(b, to)]));
}

/** The slots that hold these ascending open times, off-grid ones too. */
export function slotRanges(openTimes: readonly number[], interval: Interval): OpenTimeRange[] {
  return mergeRanges(
    openTimes.map((t) => [slotStart(interval, t), nextSlot(interval, t)]),
  );
}

/** Slots in disjoint, slot-aligned ranges. */
export function countSlots(ranges: readonly OpenTimeRange[], interval: Interval): number {
  return ranges.reduce(
    (count, [from, to]) => count + slotIndex(interval, to - 1) - slotIndex(interval, from) + 1,
    0,
  );
}

/**
 * The absent slots of which the exchange was asked at least twice, the last time when they had been
 * over for a day. Merged.
 */
export function verifiedEmpty(absent: readonly AbsentRange[], interval: Interval): OpenTimeRange[] {
  return mergeRanges(
    absent.filter(({ asks }) => asks >= 2).map(({ from, to, askedAt }) => [
      from,
      Math.min(to, slotStart(interval, askedAt - DAY_MS)),
    ]),
  );
}

/** Ascending; a hole that is verified empty in parts, or in which the market was closed, comes in parts. */
export function gapsOf(
  { held, absent }: Coverage,
  interval: Interval,
  calendar: MarketCalendar = ALWAYS_OPEN,
): Gap[] {
  const whole = span(held);
  const holes = subtractRanges([whole], [...held, ...calendar(whole)]);
  const empty = verifiedEmpty(absent, interval);
  const unknown = subtractRanges(holes, empty);
  const verified = subtractRanges(holes, unknown);
  return [...unknown.map(gap(interval, false)), ...verified.map(gap(interval, true))]
    .sort((a, b) => a.from - b.from);
}

/**
 * Held slots of [first, last] in percent, rounded down to four decimals: 100 means all. 0 when nothing
 * is held. Slots of a closed market count where they are held after all.
 */
export function coveragePct(
  { held }: Coverage,
  interval: Interval,
  calendar: MarketCalendar = ALWAYS_OPEN,
): number {
  const whole = span(held);
  const closed = subtractRanges(calendar(whole), held);
  const total = countSlots(subtractRanges([whole], closed), interval);
  if (total === 0) return 0;
  return Math.floor(countSlots(held, interval) / total * 1e6) / 1e4;
}

function span(held: readonly OpenTimeRange[]): OpenTimeRange {
  return [held.at(0)?.[0] ?? 0, held.at(-1)?.[1] ?? 0];
}

function gap(interval: Interval, verified: boolean): (range: OpenTimeRange) => Gap {
  return ([from, to]) => ({
    from,
    to,
    missing: countSlots([[from, to]], interval),
    verifiedEmpty: verified,
  });
}
