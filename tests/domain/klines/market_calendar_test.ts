import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import {
  type Coverage,
  coveragePct,
  gapsOf,
  mergeRanges,
  slotRanges,
  subtractRanges,
} from "@/domain/klines/coverage.ts";
import { fetchPlan } from "@/domain/klines/fetch_plan.ts";
import { INTERVALS, slotEnd } from "@/domain/klines/interval.ts";
import {
  ALWAYS_OPEN,
  finalAt,
  isCrawled,
  marketCalendar,
} from "@/domain/klines/market_calendar.ts";
import {
  closedDays,
  isTradingDay,
  nextTradingDay,
  sessionsOf,
  tradingDayAt,
} from "@/domain/klines/trading_calendar.ts";
import { slotsOf, utc } from "@/tests/support/candles.ts";
import { realDataTest, SHARED_DATA } from "@/tests/support/shared_data.ts";

const DAY = 86_400_000;
const sina = marketCalendar({ exchange: "sina", interval: "1d" });
const dateOf = (openTime: number) => new Date(openTime).toISOString().slice(0, 10);
const days = (from: string, to: string): OpenTimeRange => [utc(from), utc(to)];

function held(openTimes: readonly number[]): Coverage {
  return { held: slotRanges(openTimes, "1d"), absent: [], keptOut: [] };
}

async function datesOf(symbol: string): Promise<readonly string[]> {
  const path = `${SHARED_DATA}/cn/sina_futures_daily/${symbol}.json`;
  const bars: readonly { date: string }[] = JSON.parse(await Deno.readTextFile(path));
  return bars.map(({ date }) => date);
}

/** Trading days between the first and the last bar for which none was published. */
const MISSING: readonly [symbol: string, missing: readonly string[]][] = [
  ["AU0", ["2008-01-30", "2008-07-18", "2011-12-02", "2019-04-22"]],
  [
    "RB0",
    [
      ...["2011-12-02", "2013-11-20", "2014-01-16", "2014-03-07", "2014-03-13", "2015-07-02"],
      "2019-04-22",
    ],
  ],
  ["SC0", ["2019-04-22"]],
];

for (const [symbol, missing] of MISSING) {
  realDataTest(
    `market calendar: gaps of sina:${symbol}:1d are the trading days without a bar`,
    async () => {
      const dates = (await datesOf(symbol)).filter(isTradingDay);
      const coverage = held(dates.map(utc));
      const gaps = gapsOf(coverage, "1d", sina);
      deepEqual(gaps.map(({ from }) => dateOf(from)), missing);
      ok(gaps.every((gap) => gap.missing === 1 && gap.to === gap.from + DAY && !gap.verifiedEmpty));
      const expected = dates.length + missing.length;
      equal(coveragePct(coverage, "1d", sina), Math.floor(dates.length / expected * 1e6) / 1e4);
      ok(gapsOf(coverage, "1d").length > 400, "every weekend without the calendar");
    },
  );

  realDataTest(
    `market calendar: bars of sina:${symbol}:1d on closed days never make more than 100 %`,
    async () => {
      const dates = await datesOf(symbol);
      const coverage = held(dates.map(utc));
      deepEqual(gapsOf(coverage, "1d", sina).map(({ from }) => dateOf(from)), missing);
      equal(
        coveragePct(coverage, "1d", sina),
        Math.floor(dates.length / (dates.length + missing.length) * 1e6) / 1e4,
      );
    },
  );

  realDataTest(
    `market calendar: a plan for sina:${symbol}:1d asks for what is missing alone`,
    async () => {
      const dates = (await datesOf(symbol)).filter(isTradingDay);
      const [first = "", last = ""] = [dates.at(0), dates.at(-1)];
      const { live, history } = fetchPlan({
        ...{ coverage: held(dates.map(utc)), interval: "1d", calendar: sina },
        ...{ wanted: [utc(first), utc(last) + DAY], now: utc(last) + 400 * DAY },
      });
      equal(live.length, 0);
      const asked = slotsOf(history, "1d").map(dateOf);
      ok(missing.every((date) => asked.includes(date)));
      ok(asked.every(isTradingDay));
      // Each with the held bar before it, which may have been running.
      ok(asked.length <= 2 * missing.length);
    },
  );
}

Deno.test("market calendar: a hole over a weekend counts its trading days and comes in their parts", () => {
  const coverage = held([utc("2026-09-03"), utc("2026-09-09")]);
  const gaps = gapsOf(coverage, "1d", sina);
  deepEqual(gaps.map(({ from, to, missing }) => [dateOf(from), dateOf(to), missing]), [
    ["2026-09-04", "2026-09-05", 1],
    ["2026-09-07", "2026-09-09", 2],
  ]);
  equal(coveragePct(coverage, "1d", sina), 40);
});

Deno.test("market calendar: a week of holidays is whole", () => {
  const coverage = held([utc("2026-09-30"), utc("2026-10-08"), utc("2026-10-09")]);
  deepEqual(gapsOf(coverage, "1d", sina), []);
  equal(coveragePct(coverage, "1d", sina), 100);
});

Deno.test("market calendar: only dailies of the exchange sina have one", () => {
  for (const interval of INTERVALS) {
    equal(marketCalendar({ exchange: "binance", interval }), ALWAYS_OPEN);
    equal(marketCalendar({ exchange: "sina", interval }) === ALWAYS_OPEN, interval !== "1d");
  }
  deepEqual(ALWAYS_OPEN(days("2026-01-01", "2027-01-01")), []);
  deepEqual([{ exchange: "binance" }, { exchange: "sina" }].map(isCrawled), [true, false]);
});

Deno.test("market calendar: a daily of sina is final with its day session, every other candle with its slot", () => {
  const finalDate = (date: string) =>
    new Date(finalAt({ exchange: "sina", interval: "1d" }, utc(date))).toISOString();
  // 15:15 in Shanghai, when the last contracts close; a Friday's, not Monday's night.
  equal(finalDate("2026-09-08"), "2026-09-08T07:15:00.000Z");
  equal(finalDate("2026-09-04"), "2026-09-04T07:15:00.000Z");
  // The last day before a week of holidays, and the first after it, which has no night.
  equal(finalDate("2026-09-30"), "2026-09-30T07:15:00.000Z");
  equal(finalDate("2026-10-08"), "2026-10-08T07:15:00.000Z");
  // Beyond the known holidays each weekday counts; a closed day has no session to end with.
  equal(finalDate("2027-03-01"), "2027-03-01T07:15:00.000Z");
  equal(finalDate("2026-09-05"), "2026-09-06T00:00:00.000Z");
  for (const interval of INTERVALS) {
    const openTime = utc("2026-09-08");
    equal(finalAt({ exchange: "binance", interval }, openTime), slotEnd(interval, openTime));
  }
  equal(finalAt({ exchange: "sina", interval: "1w" }, utc("2026-09-07")), utc("2026-09-14"));
});

Deno.test("market calendar: no quote that is counted to a day comes after its bar is final, none of the next day before", () => {
  const day = fc.integer({ min: utc("2005-01-01") / DAY, max: utc("2026-12-01") / DAY });
  fc.assert(fc.property(day, fc.nat(DAY), (n, ms) => {
    const at = n * DAY + ms;
    const tradingDay = tradingDayAt(at);
    const final = finalAt({ exchange: "sina", interval: "1d" }, utc(tradingDay));
    for (const { from, to } of sessionsOf(tradingDay)) ok(from < final && to <= final);
    for (const { from } of sessionsOf(nextTradingDay(tradingDay))) ok(from >= final);
  }));
});

Deno.test("closedDays() and trading days tile every range, on any ms", () => {
  const time = fc.integer({ min: utc("1990-12-01"), max: utc("2028-01-01") });
  fc.assert(fc.property(time, fc.nat(90 * DAY), (from, length) => {
    const range: OpenTimeRange = [from, from + length];
    const closed = closedDays(range);
    deepEqual(closed, mergeRanges(closed), "ascending, none touching the next");
    deepEqual(subtractRanges(closed, [range]), [], "within the range");
    const open = subtractRanges([range], closed);
    const dayOf = (t: number) => Math.floor(t / DAY) * DAY;
    for (const [part, trades] of [[open, true], [closed, false]] as const) {
      for (const [start, end] of part) {
        for (let day = dayOf(start); day < end; day += DAY) {
          equal(isTradingDay(dateOf(day)), trades);
        }
      }
    }
  }));
});
