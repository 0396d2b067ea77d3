import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { type Interval, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";
import { type HeldPeriod, planRead } from "@/projections/kline_plan.ts";

const MINUTE = 60_000;

function month(period: string, fileSha256: string | null = period): HeldPeriod {
  const firstOpenTime = Date.parse(`${period}-01T00:00:00Z`);
  const next = new Date(firstOpenTime);
  next.setUTCMonth(next.getUTCMonth() + 1);
  const candles = (next.getTime() - firstOpenTime) / MINUTE;
  return {
    period,
    candles,
    firstOpenTime,
    lastOpenTime: next.getTime() - MINUTE,
    fileSha256,
    position: 1,
  };
}

const held = ["2020-01", "2020-02", "2020-03", "2020-04"].map((period) => month(period));

const query: KlineQuery = {
  seriesId: "binance.BTC-USDT.1m",
  stored: "1m",
  interval: "1m",
  start: undefined,
  end: undefined,
  limit: 1000,
  order: "asc",
  fill: "none",
  partial: false,
  format: "arrays",
  numbers: "number",
};

function picked(changes: Partial<KlineQuery>): string[] {
  return planRead({ ...query, ...changes }, held).periods.map(({ period }) => period);
}

Deno.test("planRead() opens the newest file for the latest candles", () => {
  deepEqual(picked({}), ["2020-04"]);
});

Deno.test("planRead() opens one more file when the first one is cut by the start", () => {
  deepEqual(picked({ start: Date.parse("2020-02-29T23:50:00Z") }), ["2020-02", "2020-03"]);
});

Deno.test("planRead() takes no file outside the asked range", () => {
  const start = Date.parse("2020-02-01T00:00:00Z");
  deepEqual(picked({ start, end: start + 10 * MINUTE }), ["2020-02"]);
  deepEqual(picked({ start: Date.parse("2021-01-01T00:00:00Z") }), []);
});

Deno.test("planRead() takes as many files as an aggregated answer needs", () => {
  deepEqual(picked({ interval: "1h" }), ["2020-03", "2020-04"]);
  deepEqual(picked({ interval: "1d", limit: 20 }), ["2020-04"]);
  equal(picked({ interval: "1d" }).length, 4);
});

Deno.test("planRead() starts with a whole bar when it aggregates and with the exact time when not", () => {
  const start = Date.parse("2020-02-01T00:30:00.5Z");
  equal(planRead({ ...query, start }, held).from, start);
  const hourly = planRead({ ...query, interval: "1h", start }, held);
  equal(hourly.from, Date.parse("2020-02-01T01:00:00Z"));
});

Deno.test("planRead() reads newest first for order=desc and for no start", () => {
  const start = Date.parse("2020-01-01T00:00:00Z");
  deepEqual(
    [{}, { order: "desc", start } as const, { start }].map((c) =>
      planRead({ ...query, ...c }, held).keep
    ),
    ["latest", "latest", "oldest"],
  );
});

Deno.test("planRead() answers nothing for a series without candles", () => {
  deepEqual(planRead(query, []).periods, []);
});

const YEAR = 365.25 * 86_400_000;
const HALF_DAY = 43_200_000;
const FIRST = Date.UTC(2001, 0);

const ALL = Array.from({ length: 5 * 730 }, (_, n) => FIRST + n * HALF_DAY);

/** Half days of five years without those of some holes, which may take years away. */
const halfDays = fc.array(fc.tuple(fc.nat(5 * 730), fc.integer({ min: 1, max: 400 })), {
  maxLength: 6,
}).map((holes) => {
  const gone = new Set(holes.flatMap(([from, length]) => ALL.slice(from, from + length)));
  return ALL.filter((t) => !gone.has(t));
});

/** Bars of which the whole time has passed, each as its open time and the number of its candles. */
function barsOf(times: readonly number[], interval: Interval, completeTo: number) {
  return [...Map.groupBy(times, (t) => slotStart(interval, t))]
    .filter(([bar]) => slotEnd(interval, bar) <= completeTo)
    .map(([bar, { length }]) => [bar, length] as const);
}

/** As many bars as lie in the newest years, and no more. */
const latest = (limit: number) => ({
  ...{ limit, start: undefined, end: undefined },
  order: "asc" as const,
});

Deno.test("planRead() picks all that makes the page, and tells that there is more", () => {
  fc.assert(
    fc.property(
      halfDays,
      fc.constantFrom("12h", "1d", "3d", "1w", "1M"),
      fc.record({
        limit: fc.integer({ min: 1, max: 60 }),
        start: fc.option(fc.nat(5 * YEAR).map((ms) => FIRST + ms), { nil: undefined }),
        end: fc.option(fc.nat(5 * YEAR).map((ms) => FIRST + ms), { nil: undefined }),
        order: fc.constantFrom("asc", "desc"),
      }),
      (times, interval, asked) => {
        const years = Map.groupBy(times, (t) => new Date(t).getUTCFullYear());
        const held = [...years].map(([year, own]): HeldPeriod => ({
          ...{ period: String(year), candles: own.length, fileSha256: null, position: 1 },
          ...{ firstOpenTime: own[0] ?? 0, lastOpenTime: own.at(-1) ?? 0 },
        }));
        const plan = planRead({ ...query, ...asked, stored: "12h", interval }, held);
        const picked = plan.periods.flatMap(({ period }) => years.get(Number(period)) ?? []);
        const seen = picked.filter((t) => t >= plan.from && t < plan.to);
        const { start = -Infinity, end = Infinity, order, limit } = asked;
        const wanted = barsOf(times, interval, (times.at(-1) ?? 0) + HALF_DAY)
          .filter(([bar]) => bar >= start && bar < end);
        const page = (bars: typeof wanted) => ({
          rows: asked.start === undefined || order === "desc"
            ? bars.slice(-limit)
            : bars.slice(0, limit),
          more: bars.length > limit,
        });
        deepEqual(page(barsOf(seen, interval, plan.completeTo)), page(wanted));
      },
    ),
    {
      examples: [[ALL, "12h", latest(728)], [ALL, "1M", latest(36)]],
    },
  );
});
