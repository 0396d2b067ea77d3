import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import {
  type AbsentRange,
  addRanges,
  clipRanges,
  countSlots,
  type Coverage,
  coveragePct,
  gapsOf,
  mergeRanges,
  slotRanges,
  subtractRanges,
  verifiedEmpty,
} from "@/domain/klines/coverage.ts";
import { type Interval, slotAt, slotIndex, slotStart } from "@/domain/klines/interval.ts";
import { anyTime, slotsOf, utc } from "../../support/candles.ts";

const START = utc("2024-01-29");
const DAY = 86_400_000;
const minute = (n: number) => START + n * 60_000;
const minutes = (from: number, to: number): OpenTimeRange => [minute(from), minute(to)];

const someInterval = fc.constantFrom<Interval>("1m", "1w", "1M");
/** Slot-aligned ranges in any order; some empty, some on top of each other. */
function anyRanges(interval: Interval): fc.Arbitrary<OpenTimeRange[]> {
  const first = slotIndex(interval, START);
  const range = fc.tuple(fc.nat(30), fc.nat(6)).map(([from, length]): OpenTimeRange => [
    slotAt(interval, first + from),
    slotAt(interval, first + from + length),
  ]);
  return fc.array(range, { maxLength: 6 });
}
const intervalAndRanges = someInterval.chain((interval) =>
  fc.tuple(fc.constant(interval), anyRanges(interval), anyRanges(interval))
);

/** The model: a set of slots. */
function slotSet(ranges: readonly OpenTimeRange[], interval: Interval): Set<number> {
  return new Set(slotsOf(ranges, interval));
}

function sorted(slots: Iterable<number>): number[] {
  return [...slots].sort((a, b) => a - b);
}

/** Ascending, none empty, none touching the next. */
function isMerged(ranges: readonly OpenTimeRange[]): boolean {
  return ranges.every(([from, to], i) => from < to && (ranges[i - 1]?.[1] ?? -Infinity) < from);
}

Deno.test("mergeRanges() holds the slots of a set and leaves nothing to join", () => {
  fc.assert(fc.property(intervalAndRanges, ([interval, ranges]) => {
    const merged = mergeRanges(ranges);
    ok(isMerged(merged));
    deepEqual(slotsOf(merged, interval), sorted(slotSet(ranges, interval)));
    deepEqual(mergeRanges(ranges.toReversed()), merged);
  }));
});

Deno.test("addRanges() is the union of sets, one slot at the end or many anywhere", () => {
  fc.assert(fc.property(intervalAndRanges, ([interval, a, b]) => {
    const held = mergeRanges(a);
    const sum = addRanges(held, b);
    ok(isMerged(sum));
    const union = slotSet(a, interval).union(slotSet(b, interval));
    deepEqual(slotsOf(sum, interval), sorted(union));
    for (const one of b) deepEqual(addRanges(held, [one]), mergeRanges([...a, one]));
  }));
});

Deno.test("subtractRanges() is the difference of sets", () => {
  fc.assert(fc.property(intervalAndRanges, ([interval, a, b]) => {
    const rest = subtractRanges(a, b);
    ok(isMerged(rest));
    const difference = slotSet(a, interval).difference(slotSet(b, interval));
    deepEqual(slotsOf(rest, interval), sorted(difference));
    deepEqual(subtractRanges(rest, b), rest);
    deepEqual(addRanges(rest, subtractRanges(a, rest)), mergeRanges(a));
  }));
});

Deno.test("clipRanges() is the intersection with one range", () => {
  fc.assert(fc.property(intervalAndRanges, ([interval, a, b]) => {
    const bounds = b.at(0) ?? minutes(0, 0);
    const both = slotSet(a, interval).intersection(slotSet([bounds], interval));
    deepEqual(slotsOf(clipRanges(a, bounds), interval), sorted(both));
  }));
});

Deno.test("countSlots() counts the slots of a set, months by the calendar", () => {
  fc.assert(fc.property(intervalAndRanges, ([interval, ranges]) => {
    equal(countSlots(mergeRanges(ranges), interval), slotSet(ranges, interval).size);
  }));
  equal(countSlots([[utc("2023-11-01"), utc("2024-03-01")]], "1M"), 4);
});

Deno.test("slotRanges() holds the slot of every open time, off-grid or doubled, and no other", () => {
  const times = fc.array(anyTime).map((all) => sorted(all));
  fc.assert(fc.property(someInterval, times, (interval, openTimes) => {
    const ranges = slotRanges(openTimes, interval);
    ok(isMerged(ranges));
    const slots = new Set(openTimes.map((t) => slotStart(interval, t)));
    if (openTimes.length > 0) equal(countSlots(ranges, interval), slots.size);
    ok([...slots].every((slot) => ranges.some(([from, to]) => from <= slot && slot < to)));
  }));
  deepEqual(slotRanges([minute(0), minute(0) + 20_799, minute(1)], "1m"), [minutes(0, 2)]);
});

function absent(from: number, to: number, more: Partial<AbsentRange> = {}): AbsentRange {
  return { from: minute(from), to: minute(to), asks: 2, askedAt: START + 30 * DAY, ...more };
}

Deno.test("verifiedEmpty() needs two asks, the last one a day after the slot had ended", () => {
  deepEqual(verifiedEmpty([absent(3, 5)], "1m"), [minutes(3, 5)]);
  deepEqual(verifiedEmpty([absent(3, 5, { asks: 1 })], "1m"), []);
  deepEqual(verifiedEmpty([absent(3, 5, { askedAt: minute(5) + DAY })], "1m"), [minutes(3, 5)]);
  deepEqual(verifiedEmpty([absent(3, 5, { askedAt: minute(5) + DAY - 1 })], "1m"), [minutes(3, 4)]);
  deepEqual(verifiedEmpty([absent(3, 5, { askedAt: minute(6) })], "1m"), []);
});

Deno.test("gapsOf() tells holes that the exchange has as well from those not fetched", () => {
  const coverage: Coverage = {
    held: [minutes(0, 2), minutes(6, 8), minutes(9, 10)],
    absent: [absent(3, 5), absent(8, 9, { asks: 1 }), absent(20, 30)],
    keptOut: [],
  };
  deepEqual(gapsOf(coverage, "1m"), [
    { from: minute(2), to: minute(3), missing: 1, verifiedEmpty: false },
    { from: minute(3), to: minute(5), missing: 2, verifiedEmpty: true },
    { from: minute(5), to: minute(6), missing: 1, verifiedEmpty: false },
    { from: minute(8), to: minute(9), missing: 1, verifiedEmpty: false },
  ]);
});

Deno.test("gapsOf() and held ranges tile the span from first to last", () => {
  fc.assert(fc.property(intervalAndRanges, fc.nat(30), ([interval, a, b], days) => {
    const askedAt = START + days * DAY;
    const coverage: Coverage = {
      held: mergeRanges(a),
      absent: mergeRanges(b).map(([from, to]) => ({ from, to, asks: 2, askedAt })),
      keptOut: [],
    };
    const gaps = gapsOf(coverage, interval);
    const holes = gaps.map(({ from, to }): OpenTimeRange => [from, to]);
    const [first, last] = [coverage.held.at(0)?.[0], coverage.held.at(-1)?.[1]];
    const span: OpenTimeRange[] = first === undefined || last === undefined ? [] : [[first, last]];
    deepEqual(mergeRanges([...holes, ...coverage.held]), span);
    equal(
      gaps.reduce((n, { missing }) => n + missing, 0),
      countSlots(mergeRanges(holes), interval),
    );
    deepEqual(subtractRanges(holes, coverage.held), mergeRanges(holes));
    ok(gaps.every(({ from }, i) => i === 0 || (gaps[i - 1]?.from ?? 0) < from));
    const empty = gaps.filter((g) => g.verifiedEmpty).map((
      { from, to },
    ): OpenTimeRange => [from, to]);
    deepEqual(subtractRanges(empty, verifiedEmpty(coverage.absent, interval)), []);
  }));
});

Deno.test("coveragePct() says 100 only when nothing is missing between first and last", () => {
  const pct = (...held: OpenTimeRange[]) => coveragePct({ held, absent: [], keptOut: [] }, "1m");
  equal(pct(), 0);
  equal(pct(minutes(5, 9)), 100);
  equal(pct(minutes(0, 1), minutes(3, 4)), 50);
  equal(pct(minutes(0, 1), minutes(2, 3)), 66.6666);
  equal(pct(minutes(0, 9_999_998), minutes(9_999_999, 10_000_000)), 99.9999);
});
