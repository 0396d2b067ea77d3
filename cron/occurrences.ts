import type { CronTimes } from "./cron_text.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** 29 February comes after at most eight years. */
const LONGEST_WAIT_DAYS = 8 * 366 + 1;

/** The last time at or before `at` (epoch ms) that the schedule names in the zone; undefined within eight years. */
export function latestOccurrence(
  times: CronTimes,
  at: number,
  timeZone: string,
): number | undefined {
  return search(times, { at, timeZone, direction: -1 });
}

/** The first time after `at`. */
export function nextOccurrence(
  times: CronTimes,
  at: number,
  timeZone: string,
): number | undefined {
  return search(times, { at, timeZone, direction: 1 });
}

interface Search {
  readonly at: number;
  readonly timeZone: string;
  readonly direction: 1 | -1;
}

/** Goes day by day, so that a yearly schedule is found as fast as a daily one. */
function search(times: CronTimes, { at, timeZone, direction }: Search): number | undefined {
  const today = localDay(at, timeZone);
  for (let offset = -1; offset <= LONGEST_WAIT_DAYS; offset++) {
    // From the day before: the zone's clock may have been turned over midnight.
    const day = today + direction * offset * DAY_MS;
    if (!isDay(times, new Date(day))) continue;
    const instants = instantsOf(times, day, timeZone);
    const found = direction === 1
      ? instants.find((instant) => instant > at)
      : instants.findLast((instant) => instant <= at);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isDay({ days, months, weekdays, eitherDay }: CronTimes, date: Date): boolean {
  if (!months.includes(date.getUTCMonth() + 1)) return false;
  const [byDay, byWeekday] = [
    days.includes(date.getUTCDate()),
    weekdays.includes(date.getUTCDay()),
  ];
  return eitherDay ? byDay || byWeekday : byDay && byWeekday;
}

/** Ascending. A wall time that the clock skips comes as much later; one that it repeats comes once. */
function instantsOf({ hours, minutes }: CronTimes, day: number, timeZone: string): number[] {
  const before = offsetMs(day - DAY_MS, timeZone);
  const after = offsetMs(day + 2 * DAY_MS, timeZone);
  const walls = hours.flatMap((hour) =>
    minutes.map((minute) => day + (hour * 60 + minute) * MINUTE_MS)
  );
  if (before === after) return walls.map((wall) => wall - before);
  const instants = walls.map((wall) => {
    const shows = (offset: number) => offsetMs(wall - offset, timeZone) === offset;
    return shows(before) || !shows(after) ? wall - before : wall - after;
  });
  return [...new Set(instants)].sort((a, b) => a - b);
}

/** Midnight of the day that the zone's calendar shows, as if it were UTC. */
function localDay(at: number, timeZone: string): number {
  const wall = at + offsetMs(at, timeZone);
  return wall - ((wall % DAY_MS) + DAY_MS) % DAY_MS;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the zone's wall clock is ahead of UTC. Throws a RangeError for a zone that does not exist. */
function offsetMs(at: number, timeZone: string): number {
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat("en-US", {
    ...{ timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  });
  formats.set(timeZone, format);
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const wall = Date.UTC(
    ...[part("year"), part("month") - 1, part("day")] as const,
    ...[part("hour"), part("minute"), part("second")] as const,
  );
  return wall - Math.floor(at / 1_000) * 1_000;
}
