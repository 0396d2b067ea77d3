import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import {
  type AbsentRange,
  clipRanges,
  type Coverage,
  subtractRanges,
  verifiedEmpty,
} from "./coverage.ts";
import {
  DAY_MS,
  type Interval,
  previousSlot,
  slotAt,
  slotFrom,
  slotIndex,
  slotStart,
} from "./interval.ts";
import { ALWAYS_OPEN, type MarketCalendar } from "./market_calendar.ts";
import { MIN_OPEN_TIME } from "./open_times.ts";
import { splitByPeriod } from "./period.ts";

export interface FetchPlanInput {
  readonly coverage: Coverage;
  readonly interval: Interval;
  /** Open times that the series should have, from inclusive to exclusive; none before 2000 are. */
  readonly wanted: OpenTimeRange;
  /** The exchange's time, epoch ms. */
  readonly now: number;
  /** Ask for held and absent slots as well. */
  readonly refetch?: boolean | undefined;
  /** Slots of a closed market are never asked for. */
  readonly calendar?: MarketCalendar | undefined;
}

/** Slot-aligned ranges of open times to ask the exchange for; closed slots only. */
export interface FetchPlan {
  /** Of the last {@linkcode LIVE_SLOTS}, newest first; disjoint. */
  readonly live: readonly OpenTimeRange[];
  /** Everything older, oldest first, cut where periods meet; disjoint. */
  readonly history: readonly OpenTimeRange[];
}

/** What belongs to the live edge: at most what fits in one event. */
export const LIVE_SLOTS = 256;
/** Candles asked for again with every live crawl: the exchange may still correct them. */
const CONFIRM_SLOTS = 3;
const ASK_AGAIN_MS = DAY_MS;
const ASK_VERIFIED_AGAIN_MS = 365 * DAY_MS;

/** Open time of the first slot of the live edge: its plan needs to know of no period before it. */
export function liveStart(interval: Interval, now: number): number {
  return slotAt(interval, slotIndex(interval, now) - LIVE_SLOTS);
}

/**
 * What to ask the exchange for: the wanted slots that are closed and neither held nor kept out, nor
 * known to be empty (asked within a day, or within a year when verified). A hole is asked for with
 * the held slot before it, whose candle may have been running when it was stored; the live edge, if
 * anything is missing there, with the last three held.
 */
export function fetchPlan(input: FetchPlanInput): FetchPlan {
  const { coverage: { held, keptOut }, interval, wanted, now } = input;
  const { refetch = false, calendar = ALWAYS_OPEN } = input;
  const edge = slotStart(interval, now);
  const closed: OpenTimeRange = [
    slotFrom(interval, Math.max(wanted[0], MIN_OPEN_TIME)),
    slotFrom(interval, Math.min(wanted[1], edge)),
  ];
  const known = refetch ? [] : [...held, ...knownEmpty(input)];
  const missing = subtractRanges([closed], [...known, ...keptOut, ...calendar(closed)]);
  const leads = refetch ? [] : missing.flatMap((hole) => heldBefore(hole, input));
  const asked = subtractRanges([...missing, ...leads], keptOut);
  const liveFrom = liveStart(interval, now);
  const fresh = clipRanges(asked, [liveFrom, edge]);
  const again = fresh.length === 0 ? [] : clipRanges(lastHeld(input, edge), [liveFrom, edge]);
  const live = subtractRanges([...fresh, ...again], keptOut);
  const history = clipRanges(asked, [-Infinity, liveFrom]);
  return {
    live: live.reverse(),
    history: history.flatMap((range) => splitByPeriod(interval, range)),
  };
}

function knownEmpty({ coverage: { absent }, interval, now }: FetchPlanInput): OpenTimeRange[] {
  const askedWithin = (ms: number) => ({ askedAt }: AbsentRange) => now - askedAt < ms;
  const recent = absent.filter(askedWithin(ASK_AGAIN_MS));
  const verified = verifiedEmpty(absent.filter(askedWithin(ASK_VERIFIED_AGAIN_MS)), interval);
  return [...recent.map(({ from, to }): OpenTimeRange => [from, to]), ...verified];
}

function heldBefore(
  [from]: OpenTimeRange,
  { coverage: { held }, interval }: FetchPlanInput,
): OpenTimeRange[] {
  return clipRanges(held, [previousSlot(interval, from), from]);
}

function lastHeld(
  { coverage: { held }, interval, wanted }: FetchPlanInput,
  edge: number,
): OpenTimeRange[] {
  const last = clipRanges(held, [slotFrom(interval, wanted[0]), edge]).at(-1);
  if (last === undefined) return [];
  const from = slotAt(interval, slotIndex(interval, last[1]) - CONFIRM_SLOTS);
  return clipRanges([last], [from, edge]);
}
