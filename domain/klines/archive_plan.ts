import { DAY_MS, slotEnd } from "./interval.ts";
import { ENDLESS, periodRange } from "./period.ts";
import type { SeriesRef } from "./series_ref.ts";

/** A period stays open that long after its end: venues correct their last candles. */
export const SETTLED_AFTER_MS = 2 * DAY_MS;

/** A watched series whose venue has been silent for so long has ended: the clock alone counts. */
const ENDED_AFTER_MS = 31 * DAY_MS;

/** A period as far as the archive needs to know it. */
export interface ArchivablePeriod {
  readonly seriesId: string;
  readonly series: SeriesRef;
  readonly period: string;
  readonly candles: number;
  /** Of them, those that are rows of the database. */
  readonly hotRows: number;
  readonly firstOpenTime: number | null;
  readonly lastOpenTime: number | null;
  readonly filed: boolean;
  /** Whether new candles of the series are crawled. */
  readonly watched: boolean;
  /** Of the whole series. */
  readonly newestOpenTime: number | null;
}

export interface ArchivePolicy {
  /** Epoch ms. */
  readonly now: number;
  /** Rows of filed periods are dropped once their last candle is older. */
  readonly hotDays: number;
  /** Only periods that end before this, epoch ms. */
  readonly before?: number | undefined;
}

/** In the order of the work: series by series, oldest period first. */
export interface ArchivePlan {
  readonly file: readonly ArchivablePeriod[];
  /** Periods without a file come first into `file`. */
  readonly drop: readonly ArchivablePeriod[];
}

/** Which ended periods are due for their file, and which filed ones no longer need rows. */
export function planArchive(
  periods: readonly ArchivablePeriod[],
  policy: ArchivePolicy,
): ArchivePlan {
  const { now, hotDays, before = Infinity } = policy;
  const settledBefore = Math.min(before, now - SETTLED_AFTER_MS);
  const coldBefore = now - hotDays * DAY_MS;
  const isDue = (one: ArchivablePeriod) => {
    const { candles, series: { interval }, period, firstOpenTime } = one;
    if (candles === 0) return false;
    if (period !== ENDLESS) {
      const end = periodRange(interval, period)[1];
      return end <= settledBefore && hasEnded(one, end, now);
    }
    // It never ends: it gets its file once it holds old candles, and new ones are merged into it.
    return before === Infinity && firstOpenTime !== null &&
      slotEnd(interval, firstOpenTime) <= Math.min(coldBefore, settledBefore);
  };
  const due = periods.filter(isDue).toSorted(byPlace);
  return {
    file: due.filter(({ filed }) => !filed),
    drop: due.filter(({ hotRows, series, lastOpenTime }) =>
      hotRows > 0 && lastOpenTime !== null &&
      slotEnd(series.interval, lastOpenTime) <= coldBefore
    ),
  };
}

/** A clock that is days ahead must not file a month that still fills: the venue's own candles tell. */
function hasEnded(
  { watched, series: { interval }, newestOpenTime }: ArchivablePeriod,
  end: number,
  now: number,
): boolean {
  if (!watched || end <= now - ENDED_AFTER_MS) return true;
  return newestOpenTime !== null && slotEnd(interval, newestOpenTime) > end;
}

function byPlace(a: ArchivablePeriod, b: ArchivablePeriod): number {
  if (a.seriesId !== b.seriesId) return a.seriesId < b.seriesId ? -1 : 1;
  return a.period < b.period ? -1 : 1;
}
