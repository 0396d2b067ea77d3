import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { DAY_MS, type Interval, intervalMs } from "./interval.ts";

/** The last instant a Date can hold: a period without an end. */
const NO_END = 8_640_000_000_000_000;

/** The one period of a series whose candles take a day or more. */
export const ENDLESS = "all";

type Calendar = "day" | "month" | "year" | "all";

/** The period a candle lies in: `2024-05-01` for 1s, `2024-05` below 1h, `2024` below 1d, else `all`. */
export function periodOf(interval: Interval, openTime: number): string {
  const text = new Date(openTime).toISOString();
  switch (calendarOf(interval)) {
    case "day":
      return text.slice(0, 10);
    case "month":
      return text.slice(0, 7);
    case "year":
      return text.slice(0, 4);
    case "all":
      return "all";
  }
}

/** Open times of a period. `all` never ends. Throws a RangeError for text that is no period of the interval. */
export function periodRange(interval: Interval, period: string): OpenTimeRange {
  const range = rangeOf(calendarOf(interval), period);
  if (range === undefined || periodOf(interval, range[0]) !== period) {
    throw new RangeError(`Cannot place period "${period}": a ${interval} series has none like it`);
  }
  return range;
}

/** The first `most` periods that a range of open times touches, ascending. */
export function periodsOf(
  interval: Interval,
  [from, to]: OpenTimeRange,
  most = Infinity,
): string[] {
  const periods: string[] = [];
  for (let t = from; t < to && periods.length < most;) {
    const period = periodOf(interval, t);
    periods.push(period);
    t = periodRange(interval, period)[1];
  }
  return periods;
}

/** The range cut where periods meet. */
export function splitByPeriod(interval: Interval, [from, to]: OpenTimeRange): OpenTimeRange[] {
  return periodsOf(interval, [from, to]).map((period) => {
    const [start, end] = periodRange(interval, period);
    return [Math.max(from, start), Math.min(to, end)];
  });
}

function calendarOf(interval: Interval): Calendar {
  if (interval === "1s") return "day";
  if (interval === "1M" || intervalMs(interval) >= DAY_MS) return "all";
  return intervalMs(interval) < intervalMs("1h") ? "month" : "year";
}

function rangeOf(calendar: Calendar, period: string): OpenTimeRange | undefined {
  if (calendar === "all") return period === "all" ? [0, NO_END] : undefined;
  const numbers = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?$/.exec(period)?.slice(1).map(Number);
  if (numbers === undefined) return undefined;
  const [year = NaN, month = 1, day = 1] = numbers.map((n) => Number.isNaN(n) ? undefined : n);
  switch (calendar) {
    case "day":
      return [Date.UTC(year, month - 1, day), Date.UTC(year, month - 1, day + 1)];
    case "month":
      return [Date.UTC(year, month - 1), Date.UTC(year, month)];
    case "year":
      return [Date.UTC(year, 0), Date.UTC(year + 1, 0)];
  }
}
