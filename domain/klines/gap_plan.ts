import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { countSlots, type Coverage, gapsOf, subtractRanges } from "./coverage.ts";
import { type Interval, slotAt, slotIndex } from "./interval.ts";
import type { MarketCalendar } from "./market_calendar.ts";

export interface GapPlanInput {
  readonly coverage: Coverage;
  readonly interval: Interval;
  readonly calendar?: MarketCalendar | undefined;
  /** What one run asks for at most. */
  readonly mostGaps: number;
  readonly mostSlots: number;
}

/** Gaps to ask the exchange for once more. */
export interface GapPlan {
  /** Whole slots, ascending and disjoint. */
  readonly ranges: readonly OpenTimeRange[];
  readonly slots: number;
  /** Gaps that have to wait for another run. */
  readonly waiting: number;
  /** When the first of them was asked for last; -Infinity for never. */
  readonly askedAt: number;
}

/**
 * The gaps that are not verified empty and not kept out, those first that have not been asked for
 * longest: what had to wait comes first the next time.
 */
export function gapPlan(
  { coverage, interval, calendar, mostGaps, mostSlots }: GapPlanInput,
): GapPlan {
  const unknown = gapsOf(coverage, interval, calendar).filter((gap) => !gap.verifiedEmpty);
  const open = subtractRanges(
    unknown.map(({ from, to }): OpenTimeRange => [from, to]),
    coverage.keptOut,
  );
  const asked = withLastAsk(open, coverage).sort((a, b) =>
    a.askedAt - b.askedAt || a.range[0] - b.range[0]
  );
  const ranges: OpenTimeRange[] = [];
  let left = mostSlots;
  for (const { range } of asked.slice(0, mostGaps)) {
    if (left <= 0) break;
    const piece = firstSlots(range, { interval, most: left });
    ranges.push(piece);
    left -= countSlots([piece], interval);
  }
  return {
    ranges: ranges.sort(([a], [b]) => a - b),
    slots: mostSlots - left,
    waiting: open.length - ranges.length,
    askedAt: asked[0]?.askedAt ?? Infinity,
  };
}

interface AskedGap {
  readonly range: OpenTimeRange;
  readonly askedAt: number;
}

/** Both ascending and disjoint. A gap whose first slot was never asked for was not asked for. */
function withLastAsk(open: readonly OpenTimeRange[], { absent }: Coverage): AskedGap[] {
  let at = 0;
  return open.map((range) => {
    while ((absent[at]?.to ?? Infinity) <= range[0]) at++;
    const known = absent[at];
    const asked = known !== undefined && known.from <= range[0];
    return { range, askedAt: asked ? known.askedAt : -Infinity };
  });
}

function firstSlots(
  [from, to]: OpenTimeRange,
  { interval, most }: { interval: Interval; most: number },
): OpenTimeRange {
  return [from, Math.min(to, slotAt(interval, slotIndex(interval, from) + most))];
}
