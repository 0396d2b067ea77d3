import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  CALENDAR_FROM,
  CALENDAR_TO,
  isTradingDay,
  nextTradingDay,
  previousTradingDay,
  sessionAt,
  sessionsOf,
  shanghaiDate,
  tradingDayAt,
} from "@/domain/klines/trading_calendar.ts";
import { realDataTest, SHARED_DATA } from "@/tests/support/shared_data.ts";

const DAY_MS = 86_400_000;
const days = fc.integer({
  min: Date.parse(CALENDAR_FROM) / DAY_MS,
  max: Date.parse("2040-01-01") / DAY_MS,
}).map((day) => new Date(day * DAY_MS).toISOString().slice(0, 10));

function shanghai(text: string): number {
  return Date.parse(`${text}+08:00`);
}

realDataTest("trading calendar: is the published one, every day from 1990 to 2026", async () => {
  const path = `${SHARED_DATA}/cn/calendar/sse_trading_days_akshare.json`;
  const published: readonly string[] = JSON.parse(await Deno.readTextFile(path));
  const ours: string[] = [];
  for (let at = Date.parse(CALENDAR_FROM); at <= Date.parse(CALENDAR_TO); at += DAY_MS) {
    const date = new Date(at).toISOString().slice(0, 10);
    if (isTradingDay(date)) ours.push(date.replaceAll("-", ""));
  }
  equal(ours.length, 8797);
  deepEqual(ours, published);
});

Deno.test("trading calendar: knows weekends, holidays and days worked off on a weekend", () => {
  const expected: readonly [date: string, trades: boolean][] = [
    ["2026-09-08", true],
    ["2026-09-05", false],
    ["2026-10-01", false],
    ["2026-10-07", false],
    ["2026-10-08", true],
    // Worked off in offices, not on exchanges.
    ["2026-10-10", false],
    ["1997-07-01", false],
    ["1990-12-18", false],
    ["1990-12-19", true],
  ];
  deepEqual(expected.map(([date]) => [date, isTradingDay(date)]), expected);
});

Deno.test("trading calendar: every weekday counts where no holidays are known yet", () => {
  equal(isTradingDay("2027-01-01"), true);
  equal(isTradingDay("2027-01-02"), false);
  equal(nextTradingDay("2026-12-31"), "2027-01-01");
});

Deno.test("trading calendar: the next and the previous trading day step over what is closed", () => {
  equal(nextTradingDay("2026-09-30"), "2026-10-08");
  equal(previousTradingDay("2026-10-08"), "2026-09-30");
  equal(nextTradingDay("2026-09-11"), "2026-09-14");
  equal(nextTradingDay("1950-01-01"), "1990-12-19");
  equal(previousTradingDay("1990-12-19"), undefined);
});

Deno.test("trading calendar: previous undoes next, and nothing trades between them", () => {
  fc.assert(fc.property(days, (date) => {
    const next = nextTradingDay(date);
    ok(next > date && isTradingDay(next));
    if (isTradingDay(date)) equal(previousTradingDay(next), date);
    else equal(nextTradingDay(previousTradingDay(next) ?? "1950-01-01"), next);
  }));
});

Deno.test("trading calendar: what is no date is refused", () => {
  for (const text of ["2026-02-30", "20260908", "2026-9-8", "", "2026-13-01", "today"]) {
    throws(() => isTradingDay(text), RangeError, text);
  }
});

Deno.test("trading calendar: a day's night session is the evening before, over a weekend too", () => {
  const nights = (date: string) =>
    sessionsOf(date).filter(({ kind }) => kind === "night")
      .map(({ from, to }) => [new Date(from).toISOString(), new Date(to).toISOString()]);
  deepEqual(nights("2026-09-08"), [["2026-09-07T13:00:00.000Z", "2026-09-07T18:30:00.000Z"]]);
  // Friday evening belongs to Monday.
  deepEqual(nights("2026-09-14"), [["2026-09-11T13:00:00.000Z", "2026-09-11T18:30:00.000Z"]]);
});

Deno.test("trading calendar: no night session before a holiday, before 2013 and in early 2020", () => {
  const withNight = (date: string) => sessionsOf(date).map(({ kind }) => kind).join(" ");
  equal(withNight("2026-10-08"), "day");
  equal(withNight("2013-07-05"), "day");
  equal(withNight("2013-07-08"), "night day");
  equal(withNight("2020-02-04"), "day");
  equal(withNight("2020-05-06"), "day");
  equal(withNight("2020-05-07"), "night day");
  equal(withNight("2026-10-03"), "");
});

Deno.test("trading calendar: tells which session is held, past midnight too", () => {
  const at = (text: string) => {
    const session = sessionAt(shanghai(text));
    return session === undefined ? undefined : `${session.kind} ${session.tradingDay}`;
  };
  const expected: readonly [at: string, session: string | undefined][] = [
    ["2026-09-08T08:59:59", undefined],
    ["2026-09-08T09:00:00", "day 2026-09-08"],
    ["2026-09-08T15:14:59", "day 2026-09-08"],
    ["2026-09-08T15:15:00", undefined],
    ["2026-09-08T21:00:00", "night 2026-09-09"],
    ["2026-09-09T02:29:59", "night 2026-09-09"],
    ["2026-09-09T02:30:00", undefined],
    ["2026-09-12T01:00:00", "night 2026-09-14"],
    ["2026-09-12T10:00:00", undefined],
    ["2026-09-30T21:30:00", undefined],
  ];
  deepEqual(expected.map(([text]) => [text, at(text)]), expected);
});

Deno.test("trading calendar: an evening's quote belongs to the next trading day", () => {
  const expected: readonly [at: string, day: string][] = [
    ["2026-09-08T11:30:00", "2026-09-08"],
    ["2026-09-08T19:59:59", "2026-09-08"],
    ["2026-09-08T20:00:00", "2026-09-09"],
    ["2026-09-09T01:00:00", "2026-09-09"],
    ["2026-09-11T21:05:00", "2026-09-14"],
    ["2026-09-12T01:00:00", "2026-09-14"],
    ["2026-09-30T23:00:00", "2026-10-08"],
  ];
  deepEqual(expected.map(([text]) => [text, tradingDayAt(shanghai(text))]), expected);
});

Deno.test("trading calendar: sessions follow each other without overlap, each found by its own times", () => {
  fc.assert(fc.property(days.filter(isTradingDay), (date) => {
    const sessions = [...sessionsOf(date), ...sessionsOf(nextTradingDay(date))];
    for (const [i, session] of sessions.entries()) {
      ok(session.from < session.to);
      ok(session.from >= (sessions[i - 1]?.to ?? 0));
      deepEqual(sessionAt(session.from), session);
      deepEqual(sessionAt(session.to - 1), session);
      equal(tradingDayAt(session.from), session.tradingDay);
    }
    equal(shanghaiDate(shanghai(`${date}T00:00:00`)), date);
  }));
});
