import { type Interval, intervalMs, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";

/** A period of the series as far as a read needs to know it. */
export interface HeldPeriod {
  readonly period: string;
  readonly candles: number;
  readonly firstOpenTime: number;
  readonly lastOpenTime: number;
  readonly fileSha256: string | null;
  /** Of the last event that it shows. */
  readonly position: number;
}

/** Which stored candles answer a query. */
export interface ReadPlan {
  /** Bounds of stored open times; whole bars where the answer is aggregated. */
  readonly from: number;
  readonly to: number;
  readonly keep: "oldest" | "latest";
  /** Ascending; only those that can hold the rows asked for. */
  readonly periods: readonly HeldPeriod[];
  /** End of the last held slot of the series: bars that end later are partial. */
  readonly completeTo: number;
}

/**
 * Picks periods until they surely make `limit` bars, so a read of 1000 candles opens one or two
 * files. A bar cut off by the last picked period lies beyond the limit and never shows.
 */
export function planRead(query: KlineQuery, held: readonly HeldPeriod[]): ReadPlan {
  const { start, end, before = Infinity, order } = query;
  const [first, last] = [held.at(0), held.at(-1)];
  if (first === undefined || last === undefined) return NOTHING;
  const from = start === undefined
    ? slotStart(query.interval, first.firstOpenTime, query.offsetMs)
    : lower(query, start);
  const to = Math.min(before, end === undefined ? Infinity : upper(query, end));
  const keep = start === undefined || order === "desc" ? "latest" : "oldest";
  const inRange = held.filter((p) => p.lastOpenTime >= from && p.firstOpenTime < to);
  const picked = surelyEnough(keep === "oldest" ? inRange : inRange.toReversed(), {
    from,
    to,
    query,
  });
  return {
    from,
    to: Math.min(to, upper(query, last.lastOpenTime + 1)),
    keep,
    periods: keep === "oldest" ? picked : picked.toReversed(),
    completeTo: slotEnd(query.stored, slotStart(query.stored, last.lastOpenTime)),
  };
}

/**
 * The part of the plan at the end that is kept which holds so many bars where none is missing. Its
 * page is the plan's when it is full and there is more.
 */
export function narrowPlan(
  plan: ReadPlan,
  { interval, offsetMs }: Pick<KlineQuery, "interval" | "offsetMs">,
  bars: number,
): ReadPlan {
  const spanMs = bars * barMs(interval);
  const first = Math.max(plan.from, plan.periods.at(0)?.firstOpenTime ?? plan.from);
  const [from, to] = plan.keep === "latest"
    ? [Math.max(plan.from, slotStart(interval, plan.to - spanMs, offsetMs)), plan.to]
    : [plan.from, Math.min(plan.to, slotStart(interval, first + spanMs, offsetMs))];
  const periods = plan.periods.filter((p) => p.lastOpenTime >= from && p.firstOpenTime < to);
  return { ...plan, from, to, periods };
}

const NOTHING: ReadPlan = { from: 0, to: 0, keep: "oldest", periods: [], completeTo: 0 };

function surelyEnough(
  periods: readonly HeldPeriod[],
  { from, to, query }: { from: number; to: number; query: KlineQuery },
): HeldPeriod[] {
  const needed = (query.limit + 3) * rowsPerBar(query);
  const picked: HeldPeriod[] = [];
  let certain = 0;
  for (const period of periods) {
    if (certain >= needed) break;
    picked.push(period);
    if (period.firstOpenTime >= from && period.lastOpenTime < to) certain += period.candles;
  }
  return picked;
}

function rowsPerBar({ stored, interval }: KlineQuery): number {
  if (stored === interval) return 1;
  return Math.ceil(barMs(interval) / intervalMs(stored));
}

/** At most. */
function barMs(interval: Interval): number {
  return interval === "1M" ? 31 * 86_400_000 : intervalMs(interval);
}

/** Stored open times that matter for bars that open at or after `t`. */
function lower({ stored, interval, offsetMs }: KlineQuery, t: number): number {
  if (stored === interval) return t;
  const slot = slotStart(interval, t, offsetMs);
  return slot === t ? t : slotEnd(interval, slot, offsetMs);
}

/** End (exclusive) of the stored open times that matter for bars that open before `t`. */
function upper(
  { stored, interval, offsetMs }: Pick<KlineQuery, "stored" | "interval" | "offsetMs">,
  t: number,
): number {
  if (stored === interval) return t;
  return slotEnd(interval, slotStart(interval, t - 1, offsetMs), offsetMs);
}
