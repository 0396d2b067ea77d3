import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Interval } from "@/domain/klines/interval.ts";
import { periodOf, periodRange, periodsOf, splitByPeriod } from "@/domain/klines/period.ts";
import { anyInterval, anyTime, utc } from "../../support/candles.ts";

const PLACES: readonly [Interval, string, string, string][] = [
  ["1s", "2024-05-01", "2024-05-01", "2024-05-02"],
  ["1m", "2024-05", "2024-05-01", "2024-06-01"],
  ["30m", "2023-12", "2023-12-01", "2024-01-01"],
  ["1h", "2024", "2024-01-01", "2025-01-01"],
  ["12h", "2023", "2023-01-01", "2024-01-01"],
];

for (const [interval, period, from, to] of PLACES) {
  Deno.test(`periodRange() of ${interval} ${period} goes to the start of the next`, () => {
    deepEqual(periodRange(interval, period), [utc(from), utc(to)]);
    equal(periodOf(interval, utc(from)), period);
    equal(periodOf(interval, utc(to) - 1), period);
    ok(periodOf(interval, utc(to)) !== period);
  });
}

Deno.test("periodOf() keeps everything from 1d up in one period without an end", () => {
  for (const interval of ["1d", "3d", "1w", "1M"] as const) {
    equal(periodOf(interval, utc("2017-08-17")), "all");
    const [from, to] = periodRange(interval, "all");
    ok(from <= utc("2000-01-01") && to > utc("2199-01-01"));
  }
});

Deno.test("periodRange() throws for text that is no period of the interval", () => {
  const wrong: readonly [Interval, string][] = [
    ["1m", "2024"],
    ["1m", "2024-13"],
    ["1m", "2024-05-01"],
    ["1s", "2024-02-30"],
    ["1h", "all"],
    ["1d", "2024"],
    ["1m", "../../etc"],
    ["1m", ""],
  ];
  for (const [interval, period] of wrong) {
    throws(() => periodRange(interval, period), RangeError, `${interval} ${period}`);
  }
});

Deno.test("a candle lies inside the range of its period", () => {
  fc.assert(fc.property(anyInterval, anyTime, (interval, t) => {
    const [from, to] = periodRange(interval, periodOf(interval, t));
    ok(from <= t && t < to);
  }));
});

Deno.test("splitByPeriod() cuts a range into touching parts of one period each", () => {
  const aYearAtMost = fc.tuple(anyInterval, anyTime, fc.nat(366 * 86_400_000));
  fc.assert(
    fc.property(aYearAtMost, ([interval, from, lengthMs]) => {
      const to = from + 1 + (interval === "1s" ? lengthMs % (40 * 86_400_000) : lengthMs);
      const parts = splitByPeriod(interval, [from, to]);
      equal(parts.at(0)?.[0], from);
      equal(parts.at(-1)?.[1], to);
      parts.forEach(([start, end], i) => {
        ok(start < end);
        equal(periodOf(interval, start), periodOf(interval, end - 1));
        if (i > 0) equal(parts[i - 1]?.[1], start);
      });
      deepEqual(periodsOf(interval, [from, to]), parts.map(([start]) => periodOf(interval, start)));
    }),
    { numRuns: 50 },
  );
});

Deno.test("periodsOf() names nothing for an empty range", () => {
  deepEqual(periodsOf("1m", [utc("2024-05-01"), utc("2024-05-01")]), []);
  deepEqual(periodsOf("1m", [utc("2023-11-30"), utc("2024-02-01")]), [
    "2023-11",
    "2023-12",
    "2024-01",
  ]);
});
