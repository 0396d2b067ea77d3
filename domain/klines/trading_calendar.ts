import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { DAY_MS } from "./interval.ts";
import { MARKET_HOLIDAYS } from "./market_holidays.ts";

/** First and last day that the holidays are known for. */
export const CALENDAR_FROM = "1990-12-19";
export const CALENDAR_TO = "2026-12-31";

/** A stretch in which contracts may trade; the widest of all products. */
export interface TradingSession {
  readonly kind: "day" | "night";
  /** The day that its trades are counted to: a night's is the trading day after it. */
  readonly tradingDay: string;
  /** Epoch ms, from inclusive to exclusive. */
  readonly from: number;
  readonly to: number;
}

const HOUR_MS = 3_600_000;
/** Shanghai has kept no summer time since 1991. */
const SHANGHAI_MS = 8 * HOUR_MS;
const DAY_OPENS_MS = 9 * HOUR_MS;
/** Treasury futures close a quarter of an hour after everything else. */
const DAY_CLOSES_MS = 15.25 * HOUR_MS;
/** No product trades in between: commodities rest for half an hour longer, indexes do not. */
const LUNCH_MS = [11.5 * HOUR_MS, 13 * HOUR_MS] as const;
const NIGHT_OPENS_MS = 21 * HOUR_MS;
/** Gold, silver and crude oil trade longest. */
const NIGHT_LASTS_MS = 5.5 * HOUR_MS;
/** From this hour of Shanghai on, a quote belongs to the next trading day. */
const NEXT_DAY_MS = 20 * HOUR_MS;

/** The first night session, of gold and silver. */
const NIGHTS_FROM = dayOf("2013-07-05");
/** First and last evening of the epidemic on which no night session was held. */
const NIGHTS_PAUSED = [dayOf("2020-02-03"), dayOf("2020-05-05")] as const;

const [FIRST, LAST] = [dayOf(CALENDAR_FROM), dayOf(CALENDAR_TO)];

let known: ReadonlySet<number> | undefined;

/**
 * Whether China's exchanges trade on this date, `2026-09-08`. Before {@linkcode CALENDAR_FROM}
 * nothing traded. After {@linkcode CALENDAR_TO} every weekday counts: to ask on a holiday costs one
 * crawl, not to ask on a trading day costs its data. Throws a RangeError for what is no date.
 */
export function isTradingDay(date: string): boolean {
  return trades(dayOf(date));
}

/** The first trading day after the date. */
export function nextTradingDay(date: string): string {
  let day = Math.max(dayOf(date), FIRST - 1) + 1;
  while (!trades(day)) day++;
  return dateOf(day);
}

/** The last trading day before the date; undefined before the first of all. */
export function previousTradingDay(date: string): string | undefined {
  let day = dayOf(date) - 1;
  while (day >= FIRST && !trades(day)) day--;
  return day < FIRST ? undefined : dateOf(day);
}

/**
 * The sessions of a trading day in order; none on other days. Its night is the evening of the trading
 * day before it, and is left out where a holiday, not just a weekend, lies between the two.
 */
export function sessionsOf(date: string): readonly TradingSession[] {
  if (!isTradingDay(date)) return [];
  const midnight = dayOf(date) * DAY_MS - SHANGHAI_MS;
  const sessions: TradingSession[] = [{
    kind: "day",
    tradingDay: date,
    from: midnight + DAY_OPENS_MS,
    to: midnight + DAY_CLOSES_MS,
  }];
  const before = previousTradingDay(date);
  if (before === undefined || !hasNight(dayOf(before), dayOf(date))) return sessions;
  const from = dayOf(before) * DAY_MS - SHANGHAI_MS + NIGHT_OPENS_MS;
  sessions.unshift({ kind: "night", tradingDay: date, from, to: from + NIGHT_LASTS_MS });
  return sessions;
}

/** When nothing is counted to a trading day any more, epoch ms; undefined for other days. */
export function dayClosesAt(date: string): number | undefined {
  return sessionsOf(date).at(-1)?.to;
}

/** The session that is held at an instant, epoch ms. */
export function sessionAt(epochMs: number): TradingSession | undefined {
  const today = shanghaiDate(epochMs);
  // An evening's session is the next trading day's, and goes on past midnight.
  const near = isTradingDay(today) ? [today, nextTradingDay(today)] : [nextTradingDay(today)];
  return near.flatMap(sessionsOf).find(({ from, to }) => epochMs >= from && epochMs < to);
}

/** Days before its end from which on people are told: a list for the next year is out in November. */
const TOLD_DAYS = 60;

/** Days that the calendar still knows, from sixty on, negative after its end; else undefined. */
export function calendarDaysLeft(epochMs: number): number | undefined {
  const left = LAST - dayOf(shanghaiDate(epochMs));
  return left <= TOLD_DAYS ? left : undefined;
}

/** Whether anything trades at an instant, epoch ms: within a session, and not over lunch. */
export function isTradedAt(epochMs: number): boolean {
  const session = sessionAt(epochMs);
  if (session?.kind !== "day") return session !== undefined;
  const sinceMidnight = epochMs - session.from + DAY_OPENS_MS;
  return sinceMidnight < LUNCH_MS[0] || sinceMidnight >= LUNCH_MS[1];
}

/** The trading day that a quote of this instant belongs to: from eight in the evening the next one. */
export function tradingDayAt(epochMs: number): string {
  const date = shanghaiDate(epochMs);
  const sinceMidnight = epochMs + SHANGHAI_MS - dayOf(date) * DAY_MS;
  return isTradingDay(date) && sinceMidnight < NEXT_DAY_MS ? date : nextTradingDay(date);
}

/** The date on Shanghai's calendars at an instant. */
export function shanghaiDate(epochMs: number): string {
  return dateOf(Math.floor((epochMs + SHANGHAI_MS) / DAY_MS));
}

/** The parts of a range (epoch ms) that lie in days without trading, a day from midnight UTC; ascending. */
export function closedDays([from, to]: OpenTimeRange): OpenTimeRange[] {
  const closed: OpenTimeRange[] = [];
  if (from >= to) return closed;
  for (let day = Math.floor(from / DAY_MS); day * DAY_MS < to; day++) {
    if (trades(day)) continue;
    const last = closed.at(-1);
    const start = Math.max(from, day * DAY_MS);
    const end = Math.min(to, (day + 1) * DAY_MS);
    if (last !== undefined && last[1] === start) closed[closed.length - 1] = [last[0], end];
    else closed.push([start, end]);
  }
  return closed;
}

function trades(day: number): boolean {
  if (day < FIRST || isWeekend(day)) return false;
  return day > LAST || !holidays().has(day);
}

function hasNight(before: number, day: number): boolean {
  if (before < NIGHTS_FROM) return false;
  if (before >= NIGHTS_PAUSED[0] && before <= NIGHTS_PAUSED[1]) return false;
  for (let between = before + 1; between < day; between++) if (!isWeekend(between)) return false;
  return true;
}

/** Days since the epoch, which was a Thursday. */
function isWeekend(day: number): boolean {
  const weekday = ((day + 4) % 7 + 7) % 7;
  return weekday === 0 || weekday === 6;
}

function holidays(): ReadonlySet<number> {
  known ??= new Set(MARKET_HOLIDAYS.trim().split("\n").flatMap(daysOfLine));
  return known;
}

/** `2008 0206-0212 0404`: what is closed in a year, from–to inclusive. */
function daysOfLine(line: string): number[] {
  const [year = "", ...ranges] = line.trim().split(" ");
  return ranges.flatMap((range) => {
    const [from = "", to = from] = range.split("-");
    const first = monthDay(year, from);
    return Array.from({ length: monthDay(year, to) - first + 1 }, (_, i) => first + i);
  });
}

function monthDay(year: string, text: string): number {
  return dayOf(`${year}-${text.slice(0, 2)}-${text.slice(2)}`);
}

function dayOf(date: string): number {
  const time = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : NaN;
  const day = time / DAY_MS;
  if (!Number.isInteger(day) || dateOf(day) !== date) {
    throw new RangeError(`Cannot read date "${date}": expected one like 2026-09-08`);
  }
  return day;
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
