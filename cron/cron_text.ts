/** A schedule of five fields, read: the values that each allows. */
export interface CronTimes {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly weekdays: readonly number[];
  /** Days of the month and weekdays are both given: either may match, as in cron(8). */
  readonly eitherDay: boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MINUTE: Field = { name: "minute", min: 0, max: 59 };
const HOUR: Field = { name: "hour", min: 0, max: 23 };
const DAY: Field = { name: "day of month", min: 1, max: 31 };
const MONTH: Field = { name: "month", min: 1, max: 12, names: MONTHS };
/** As in crontab(5): 1 is Monday, and Sunday is 0, 7 or the end of a range by name. */
const WEEKDAY: Field = { name: "weekday", min: 0, max: 6, names: WEEKDAYS };
/** Sunday after the week; 0 is the one before it. */
const SUNDAY = 7;
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The text is no schedule that could ever come true. */
export class CronTextError extends Error {
  override readonly name = "CronTextError";
  constructor(text: string, reason: string) {
    super(`Cannot read schedule "${text}": ${reason}`);
  }
}

/**
 * Reads `minute hour day-of-month month weekday`, each `*`, a value, a range `a-b`, a list, with a
 * step `/n`; months and weekdays by number or name (`JAN`, `MON-FRI`). Throws {@linkcode CronTextError}.
 */
export function parseCron(text: string): CronTimes {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5) {
    throw new CronTextError(text, `it has ${fields.length} fields instead of five`);
  }
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const read = (value: string, field: Field) => parseField(value, { field, text });
  const [days, months] = [read(day, DAY), read(month, MONTH)];
  const eitherDay = !day.startsWith("*") && !weekday.startsWith("*");
  const exists = months.some((m) => days.some((d) => d <= (LONGEST_MONTHS[m - 1] ?? 0)));
  if (!exists && !eitherDay) throw new CronTextError(text, "its day is in none of its months");
  return {
    minutes: read(minute, MINUTE),
    hours: read(hour, HOUR),
    ...{ days, months, eitherDay },
    weekdays: [...new Set(read(weekday, WEEKDAY).map((n) => n % 7))].sort((a, b) => a - b),
  };
}

function parseField(value: string, { field, text }: { field: Field; text: string }): number[] {
  const values = new Set<number>();
  for (const part of value.split(",")) {
    const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const bounds = boundsOf(range, { field, text, stepped: step !== undefined });
    const by = step === undefined ? 1 : Number(step);
    if (by < 1) throw new CronTextError(text, `the ${field.name} has the step 0`);
    for (let n = bounds.from; n <= bounds.to; n += by) values.add(n);
  }
  return [...values].sort((a, b) => a - b);
}

function boundsOf(
  range: string,
  { field, text, stepped }: { field: Field; text: string; stepped: boolean },
): { from: number; to: number } {
  const { name, min, max } = field;
  if (range === "*") return { from: min, to: max };
  const [first = "", last, ...more] = range.split("-");
  const from = valueOf(first, field);
  const to = last === undefined ? (stepped ? max : from) : endOf(last, field, from);
  if (from === undefined || to === undefined || from > to || more.length > 0) {
    const allowed = name === "weekday" ? `0 to 7 or ${WEEKDAYS.join(" ")}` : `${min} to ${max}`;
    throw new CronTextError(text, `the ${name} "${range}" is not within ${allowed}`);
  }
  return { from, to };
}

/** The last of a range: `FRI-SUN` ends the week that it begins in. */
function endOf(value: string, field: Field, from: number | undefined): number | undefined {
  const isSunday = field.name === "weekday" && value.toUpperCase() === WEEKDAYS[0];
  return isSunday && from !== 0 ? SUNDAY : valueOf(value, field);
}

function valueOf(value: string, { min, max, names, name }: Field): number | undefined {
  const index = names?.indexOf(value.toUpperCase()) ?? -1;
  if (index >= 0) return index + min;
  if (!/^\d{1,2}$/.test(value)) return undefined;
  const n = Number(value);
  return n >= min && n <= (name === "weekday" ? SUNDAY : max) ? n : undefined;
}
