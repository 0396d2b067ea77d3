import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { addAbsent } from "@/domain/klines/absent.ts";
import {
  addRanges,
  countSlots,
  type Coverage,
  gapsOf,
  mergeRanges,
  subtractRanges,
} from "@/domain/klines/coverage.ts";
import { gapPlan } from "@/domain/klines/gap_plan.ts";
import { marketCalendar } from "@/domain/klines/market_calendar.ts";
import { slotsOf, utc } from "@/tests/support/candles.ts";

const DAY = 86_400_000;
const START = utc("2024-05-01");
const minute = (n: number) => START + n * 60_000;
const minutes = (from: number, to: number): OpenTimeRange => [minute(from), minute(to)];
const MANY = { mostGaps: 1_000, mostSlots: 100_000 };
const NOW = START + 30 * DAY;

const holed = (...holes: readonly OpenTimeRange[]): Coverage => ({
  ...{ held: subtractRanges([minutes(0, 1000)], holes), absent: [], keptOut: [] },
});

function plan(coverage: Coverage, most: Partial<typeof MANY> = {}) {
  return gapPlan({ coverage, interval: "1m", ...MANY, ...most });
}

Deno.test("gapPlan() takes every gap, and none before the first or after the last candle", () => {
  deepEqual(plan(holed(minutes(0, 5), minutes(10, 20), minutes(30, 31), minutes(999, 1000))), {
    ...{ ranges: [minutes(10, 20), minutes(30, 31)], slots: 11, waiting: 0, askedAt: -Infinity },
  });
  deepEqual(plan(holed()), { ranges: [], slots: 0, waiting: 0, askedAt: Infinity });
});

Deno.test("gapPlan() leaves out what is verified empty or deleted for good", () => {
  const absent = [{ from: minute(10), to: minute(20), asks: 2, askedAt: NOW }];
  const coverage = { ...holed(minutes(5, 25)), absent, keptOut: [minutes(24, 30)] };
  deepEqual(plan(coverage).ranges, [minutes(5, 10), minutes(20, 24)]);
});

Deno.test("gapPlan() begins with what has not been asked for longest", () => {
  const holes = [minutes(10, 11), minutes(20, 21), minutes(30, 31), minutes(40, 41)];
  const absent = [
    { from: minute(10), to: minute(11), asks: 1, askedAt: NOW },
    { from: minute(30), to: minute(31), asks: 1, askedAt: NOW - DAY },
    { from: minute(40), to: minute(41), asks: 1, askedAt: NOW - 2 * DAY },
  ];
  const coverage = { ...holed(...holes), absent };
  const { ranges, waiting } = plan(coverage, { mostGaps: 2 });
  deepEqual(ranges, [minutes(20, 21), minutes(40, 41)]);
  equal(waiting, 2);
});

Deno.test("gapPlan() cuts a gap that is longer than a run may ask for", () => {
  const { ranges, slots, waiting } = plan(holed(minutes(10, 900)), { mostSlots: 100 });
  deepEqual(ranges, [minutes(10, 110)]);
  deepEqual([slots, waiting], [100, 0]);
});

Deno.test("gapPlan() asks for trading days alone where a market has a calendar", () => {
  const day = (date: string): OpenTimeRange => [utc(date), utc(date) + DAY];
  const { ranges, slots } = gapPlan({
    coverage: { held: [day("2026-09-03"), day("2026-09-09")], absent: [], keptOut: [] },
    calendar: marketCalendar({ exchange: "sina", interval: "1d" }),
    ...{ interval: "1d", ...MANY },
  });
  deepEqual(ranges, [day("2026-09-04"), [utc("2026-09-07"), utc("2026-09-09")]]);
  equal(slots, 3);
});

Deno.test("gapPlan() run after run reaches every gap, whatever the venue answers", () => {
  const hole = fc.tuple(fc.integer({ min: 1, max: 990 }), fc.integer({ min: 1, max: 9 }))
    .map(([from, length]) => minutes(from, from + length));
  const most = fc.record({
    mostGaps: fc.integer({ min: 1, max: 5 }),
    mostSlots: fc.integer({ min: 1, max: 30 }),
  });
  // Which minutes the venue has.
  const answers = fc.func(fc.boolean());
  fc.assert(
    fc.property(fc.array(hole, { maxLength: 20 }), most, answers, (holes, most, has) => {
      let coverage = holed(...holes);
      let left = 2_000;
      for (let askedAt = NOW; left > 0; left--, askedAt += DAY) {
        const { ranges, slots } = plan(coverage, most);
        if (ranges.length === 0) break;
        deepEqual(ranges, mergeRanges(ranges), "ascending and disjoint");
        ok(ranges.length <= most.mostGaps && slots <= most.mostSlots);
        equal(slots, countSlots(ranges, "1m"));
        deepEqual(subtractRanges(ranges, holes), [], "only holes");
        const [came, missing] = [true, false].map((there) =>
          mergeRanges(
            slotsOf(ranges, "1m").filter((slot) => has(slot) === there)
              .map((slot): OpenTimeRange => [slot, slot + 60_000]),
          )
        );
        ok(came && missing);
        const held = addRanges(coverage.held, came);
        const absent = addAbsent(coverage.absent, { asked: missing, askedAt });
        coverage = { ...coverage, held, absent: addAbsent(absent, { found: came }) };
      }
      ok(left > 0, "it comes to an end");
      ok(gapsOf(coverage, "1m").every(({ verifiedEmpty }) => verifiedEmpty));
    }),
    { numRuns: 40 },
  );
});
