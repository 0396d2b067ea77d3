import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  aggregationSource,
  divides,
  dividesAt,
  type Interval,
  intervalMs,
  INTERVALS,
  isInterval,
  nextSlot,
  previousSlot,
  slotAt,
  slotEnd,
  slotFrom,
  slotIndex,
  slotOffset,
  slotStart,
} from "@/domain/klines/interval.ts";
import { anyInterval, anyTime, utc } from "../../support/candles.ts";

Deno.test("isInterval() knows Binance's names and tells 1m from 1M", () => {
  ok(INTERVALS.every(isInterval));
  for (const text of ["", "1", "m", "1H", "1D", "60m", "1mo", "toString"]) {
    equal(isInterval(text), false);
  }
});

Deno.test("intervalMs() measures fixed intervals and refuses months", () => {
  equal(intervalMs("1s"), 1_000);
  equal(intervalMs("12h"), 43_200_000);
  equal(intervalMs("1w"), 604_800_000);
  throws(() => intervalMs("1M"), RangeError);
});

const STARTS: readonly [Interval, string, string][] = [
  ["1s", "2024-02-29T23:59:59.999", "2024-02-29T23:59:59"],
  ["1m", "2017-12-04T06:00:20.799", "2017-12-04T06:00:00"],
  ["15m", "2024-05-01T10:44:59.999", "2024-05-01T10:30:00"],
  ["8h", "2024-05-01T15:59:59", "2024-05-01T08:00:00"],
  ["1d", "2024-05-01T23:59:59", "2024-05-01"],
  ["1w", "2024-05-05T23:59:59", "2024-04-29"],
  ["1w", "2024-05-06", "2024-05-06"],
  ["3d", "1970-01-03T23:59:59", "1970-01-01"],
  ["3d", "2017-08-21T23:59:59", "2017-08-19"],
  ["1M", "2024-02-29T12:00:00", "2024-02-01"],
  ["1M", "1969-12-31", "1969-12-01"],
];

for (const [interval, t, start] of STARTS) {
  Deno.test(`slotStart() puts ${t} into the ${interval} slot of ${start}`, () => {
    equal(slotStart(interval, utc(t)), utc(start));
  });
}

Deno.test("slotEnd() of a month is the start of the next one, whatever its length", () => {
  equal(slotEnd("1M", utc("2024-02-01")), utc("2024-03-01"));
  equal(slotEnd("1M", utc("2023-12-01")), utc("2024-01-01"));
});

Deno.test("slotEnd() gives an off-grid candle a whole interval", () => {
  equal(slotEnd("1m", utc("2017-12-04T06:00:20.799")), utc("2017-12-04T06:01:20.799"));
});

Deno.test("slots tile time: each instant lies in exactly one", () => {
  fc.assert(fc.property(anyInterval, anyTime, (interval, t) => {
    const start = slotStart(interval, t);
    const next = nextSlot(interval, t);
    ok(start <= t && t < next);
    equal(slotStart(interval, start), start);
    equal(slotStart(interval, next - 1), start);
    equal(slotEnd(interval, start), next);
    equal(previousSlot(interval, next), start);
    equal(nextSlot(interval, start - 1), start);
    equal(slotFrom(interval, start), start);
    equal(slotFrom(interval, t), t === start ? start : next);
  }));
});

Deno.test("slotAt() is the inverse of slotIndex(), which counts up by one", () => {
  fc.assert(fc.property(anyInterval, anyTime, (interval, t) => {
    const index = slotIndex(interval, t);
    equal(slotAt(interval, index), slotStart(interval, t));
    equal(slotIndex(interval, nextSlot(interval, t)), index + 1);
  }));
});

Deno.test("divides() holds exactly where every wanted slot starts and ends with a stored one", () => {
  const from = utc("2000-01-01");
  for (const stored of INTERVALS) {
    for (const wanted of INTERVALS) {
      const first = slotIndex(wanted, from);
      const aligned = Array.from({ length: 40 }, (_, i) => slotAt(wanted, first + i))
        .every((t) => slotStart(stored, t) === t);
      equal(divides(stored, wanted), aligned, `${stored} into ${wanted}`);
    }
  }
});

Deno.test("aggregationSource() takes the largest stored interval that divides", () => {
  equal(aggregationSource(["1m", "5m", "4h"], "1h"), "5m");
  equal(aggregationSource(["1d", "1m", "3d"], "1w"), "1d");
  equal(aggregationSource(["1w", "1h"], "1M"), "1h");
  equal(aggregationSource(["1m", "1h"], "1h"), "1h");
  equal(aggregationSource(["2h"], "1h"), undefined);
  equal(aggregationSource([], "1h"), undefined);
});

Deno.test("INTERVALS ascend, so that the largest is the last", () => {
  const fixed = INTERVALS.filter((interval) => interval !== "1M").map(intervalMs);
  deepEqual(fixed, fixed.toSorted((a, b) => a - b));
});

Deno.test("slots of clocks ahead of UTC begin by that much earlier", () => {
  const hour = 3_600_000;
  for (
    const [interval, offset, start, end] of [
      ["1d", 8, "2023-12-31T16:00", "2024-01-01T16:00"],
      ["1w", 8, "2023-12-31T16:00", "2024-01-07T16:00"],
      ["1M", 14, "2023-12-31T10:00", "2024-01-31T10:00"],
      ["1M", -1, "2023-12-01T01:00", "2024-01-01T01:00"],
      ["8h", 5.5, "2023-12-31T18:30", "2024-01-01T02:30"],
    ] as const
  ) {
    const [from, to] = [Date.parse(`${start}Z`), Date.parse(`${end}Z`)];
    for (const time of [from, Date.UTC(2024, 0, 1), to - 1]) {
      if (time < from || time >= to) continue;
      equal(slotStart(interval, time, offset * hour), from);
    }
    equal(slotEnd(interval, from, offset * hour), to);
    const least = slotOffset(interval, offset * hour);
    equal(slotStart(interval, from, least), from);
  }
});

Deno.test("slotOffset() is 0 where the slots are those of UTC", () => {
  for (
    const [interval, minutes, least] of [
      ["1m", 345, 0],
      ["1h", -180, 0],
      ["1h", 345, 45],
      ["4h", -60, 180],
      ["1d", 840, 840],
      ["1M", -60, -60],
    ] as const
  ) equal(slotOffset(interval, minutes * 60_000), least * 60_000);
});

Deno.test("dividesAt() wants stored slots that begin with those of the clocks", () => {
  const minute = 60_000;
  equal(dividesAt("1h", "1d", 480 * minute), true);
  equal(dividesAt("1h", "1d", 330 * minute), false);
  equal(dividesAt("30m", "1d", 330 * minute), true);
  equal(dividesAt("1d", "1d", 480 * minute), false);
  equal(dividesAt("1d", "1d", 0), true);
  equal(dividesAt("1M", "1M", 60 * minute), false);
});
