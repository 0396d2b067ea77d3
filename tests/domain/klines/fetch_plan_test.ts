import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import {
  type AbsentRange,
  clipRanges,
  type Coverage,
  mergeRanges,
  verifiedEmpty,
} from "@/domain/klines/coverage.ts";
import {
  type FetchPlan,
  fetchPlan,
  type FetchPlanInput,
  LIVE_SLOTS,
  liveStart,
} from "@/domain/klines/fetch_plan.ts";
import {
  type Interval,
  previousSlot,
  slotAt,
  slotIndex,
  slotStart,
} from "@/domain/klines/interval.ts";
import { periodOf } from "@/domain/klines/period.ts";
import { slotsOf, utc } from "../../support/candles.ts";

const DAY = 86_400_000;
const START = utc("2024-05-01");
const minute = (n: number) => START + n * 60_000;
const minutes = (from: number, to: number): OpenTimeRange => [minute(from), minute(to)];
const NOTHING: Coverage = { held: [], absent: [], keptOut: [] };

/** Wants everything from START on; it is 30 s after the minute `edge`. */
function plan(
  { edge, coverage = {}, ...more }:
    & { edge: number; coverage?: Partial<Coverage> }
    & Partial<Omit<FetchPlanInput, "coverage">>,
): FetchPlan {
  return fetchPlan({
    coverage: { ...NOTHING, ...coverage },
    interval: "1m",
    wanted: [START, Infinity],
    now: minute(edge) + 30_000,
    ...more,
  });
}

Deno.test("fetchPlan() asks a new series for its live edge and then for its history", () => {
  const edge = 1000;
  deepEqual(plan({ edge }), {
    live: [minutes(edge - LIVE_SLOTS, edge)],
    history: [minutes(0, edge - LIVE_SLOTS)],
  });
});

Deno.test("fetchPlan() asks for the candle that closed, and again for the three before it", () => {
  deepEqual(plan({ edge: 1000, coverage: { held: [minutes(0, 999)] } }), {
    live: [minutes(996, 1000)],
    history: [],
  });
});

Deno.test("fetchPlan() asks for nothing when nothing has closed since", () => {
  deepEqual(plan({ edge: 1000, coverage: { held: [minutes(0, 1000)] } }), {
    live: [],
    history: [],
  });
});

Deno.test("fetchPlan() never asks for the running candle, up to the very end of it", () => {
  const held = [minutes(0, 999)];
  const at = (now: number) => plan({ edge: 0, now, coverage: { held } }).live;
  deepEqual(at(minute(1000) - 1), []);
  deepEqual(at(minute(1000)), [minutes(996, 1000)]);
});

Deno.test("fetchPlan() starts a hole at the held candle before it, which may be unconfirmed", () => {
  const held = [minutes(100, 200), minutes(210, 1000)];
  deepEqual(plan({ edge: 1000, coverage: { held } }).history, [minutes(0, 100), minutes(199, 210)]);
});

Deno.test("fetchPlan() orders live ranges newest first and history oldest first", () => {
  const held = [minutes(10, 20), minutes(30, 800), minutes(810, 900), minutes(910, 999)];
  deepEqual(plan({ edge: 1000, coverage: { held } }), {
    live: [minutes(996, 1000), minutes(899, 910), minutes(799, 810)],
    history: [minutes(0, 10), minutes(19, 30)],
  });
});

Deno.test("fetchPlan() cuts history where periods meet", () => {
  const wanted: OpenTimeRange = [utc("2024-01-15"), utc("2024-03-02")];
  const months = ["2024-01-15", "2024-02-01", "2024-03-01", "2024-03-02"].map(utc);
  deepEqual(plan({ edge: 500_000, wanted }), {
    live: [],
    history: [0, 1, 2].map((i) => [months[i], months[i + 1]]),
  });
});

Deno.test("fetchPlan() takes bounds off the grid as open times", () => {
  const wanted: OpenTimeRange = [minute(5) + 1, minute(8) + 1];
  deepEqual(plan({ edge: 1000, wanted }).history, [minutes(6, 9)]);
  deepEqual(plan({ edge: 1000, wanted: [minute(9), minute(5)] }), { live: [], history: [] });
});

Deno.test("fetchPlan() never asks for what was deleted for good, not even to confirm it", () => {
  const coverage = { held: [minutes(0, 998)], keptOut: [minutes(500, 600), minutes(996, 998)] };
  deepEqual(plan({ edge: 1000, coverage }).live, [minutes(998, 1000), minutes(995, 996)]);
  const imported = { held: [minutes(0, 300)], keptOut: [minutes(299, 300)] };
  deepEqual(plan({ edge: 1000, coverage: imported }).history, [minutes(300, 744)]);
  const refetched = plan({ edge: 1000, coverage, refetch: true });
  deepEqual(refetched.history, [minutes(0, 500), minutes(600, 744)]);
});

Deno.test("fetchPlan() asks for held and empty slots when told to refetch", () => {
  const coverage = { held: [minutes(0, 1000)], absent: [absence({})] };
  const wanted = minutes(100, 200);
  deepEqual(plan({ edge: 1000, coverage, wanted, refetch: true }), {
    live: [],
    history: [minutes(100, 200)],
  });
});

function absence(more: Partial<AbsentRange>): AbsentRange {
  return { from: minute(10), to: minute(20), asks: 1, askedAt: minute(1000), ...more };
}

const ABSENT: readonly [string, Partial<AbsentRange>, number, boolean][] = [
  ["asked once an hour ago", { asks: 1 }, 60, false],
  ["asked once almost a day ago", { asks: 1 }, 1439, false],
  ["asked once a day ago", { asks: 1 }, 1440, true],
  ["asked twice on the first day", { asks: 2 }, 1440, true],
  ["verified a day ago", { asks: 2, askedAt: minute(20) + DAY }, 1440, false],
  ["verified almost a year ago", { asks: 2, askedAt: minute(20) + DAY }, 365 * 1440 - 1, false],
  ["verified a year ago", { asks: 2, askedAt: minute(20) + DAY }, 365 * 1440, true],
];

for (const [name, more, minutesAgo, asks] of ABSENT) {
  Deno.test(`fetchPlan() ${asks ? "asks again for" : "leaves alone"} an empty range ${name}`, () => {
    const range = absence(more);
    const coverage = { held: [minutes(0, 10), minutes(20, 1000)], absent: [range] };
    const now = range.askedAt + minutesAgo * 60_000;
    const { history } = plan({ edge: 0, now, wanted: minutes(0, 500), coverage });
    deepEqual(history, asks ? [minutes(9, 20)] : []);
  });
}

const anyInput: fc.Arbitrary<FetchPlanInput> = fc.record({
  interval: fc.constantFrom<Interval>("1m", "1h", "1d", "1w", "1M"),
  runs: fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(4)), { maxLength: 25 }),
  askedDaysAgo: fc.nat(500),
  wanted: fc.tuple(fc.integer({ min: -20, max: 500 }), fc.integer({ min: -20, max: 500 })),
  edge: fc.nat(450),
  offMs: fc.nat(59_999),
  refetch: fc.boolean(),
}).map(({ interval, runs, askedDaysAgo, wanted, edge, offMs, refetch }) => {
  const first = slotIndex(interval, START);
  const at = (slot: number) => slotAt(interval, first + slot);
  const now = at(edge) + offMs;
  const askedAt = now - askedDaysAgo * DAY;
  const kinds: { held: OpenTimeRange[]; absent: AbsentRange[]; keptOut: OpenTimeRange[] } = {
    held: [],
    absent: [],
    keptOut: [],
  };
  let slot = 0;
  for (const [length, kind] of runs) {
    const [from, to] = [at(slot), at(slot + length)];
    slot += length;
    if (kind === 1 || kind === 4) kinds.held.push([from, to]);
    if (kind === 2) kinds.absent.push({ from, to, asks: 1 + length % 2, askedAt });
    if (kind === 3) kinds.keptOut.push([from, to]);
  }
  const coverage = { ...kinds, held: mergeRanges(kinds.held), keptOut: mergeRanges(kinds.keptOut) };
  return { coverage, interval, wanted: [at(wanted[0]), at(wanted[1])], now, refetch };
});

/** Slot by slot what the rules say, without any algebra of ranges. */
function mustAsk(
  { coverage, interval, wanted, now, refetch }: FetchPlanInput,
  slot: number,
): boolean {
  const inside = ([from, to]: OpenTimeRange) => from <= slot && slot < to;
  const closed = slot < slotStart(interval, now);
  if (!closed || !inside(wanted) || coverage.keptOut.some(inside)) return false;
  if (refetch === true) return true;
  const empty = coverage.absent.some((range) => {
    const verified = verifiedEmpty([range], interval).some(inside);
    return inside([range.from, range.to]) &&
      now - range.askedAt < (verified ? 365 * DAY : DAY);
  });
  return !empty && !coverage.held.some(inside);
}

Deno.test("fetchPlan() asks for every missing slot, and else only for held ones it wants confirmed", () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { coverage, interval, now } = input;
      const { live, history } = fetchPlan(input);
      const asked = slotsOf([...history, ...live.toReversed()], interval);
      equal(new Set(asked).size, asked.length, "no slot twice");
      const edge = slotStart(interval, now);
      const first = slotIndex(interval, START) - 20;
      const all = Array.from({ length: 520 }, (_, i) => slotAt(interval, first + i));
      const missing = new Set(all.filter((slot) => mustAsk(input, slot)));
      const got = new Set(asked);
      deepEqual([...missing.difference(got)], [], "asks for all that is missing");
      const held = new Set(slotsOf(coverage.held, interval));
      const lastThree = [...held].filter((slot) => slot < edge).slice(-3);
      for (const extra of got.difference(missing)) {
        ok(held.has(extra) && extra < edge, "only held and closed slots besides");
        const next = slotAt(interval, slotIndex(interval, extra) + 1);
        ok(missing.has(next) || lastThree.includes(extra), "before a hole or at the live edge");
        ok(!coverage.keptOut.some(([from, to]) => from <= extra && extra < to));
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("fetchPlan() keeps live and history apart, in order and within their bounds", () => {
  fc.assert(fc.property(anyInput, (input) => {
    const { live, history } = fetchPlan(input);
    const edge = slotStart(input.interval, input.now);
    const liveFrom = slotAt(input.interval, slotIndex(input.interval, edge) - LIVE_SLOTS);
    ok(live.every(([from, to]) => liveFrom <= from && from < to && to <= edge));
    ok(live.every(([, to], i) => i === 0 || to < (live[i - 1]?.[0] ?? 0)));
    ok(history.every(([from, to]) => from < to && to <= liveFrom));
    ok(history.every(([from], i) => i === 0 || (history[i - 1]?.[1] ?? 0) <= from));
    for (const [from, to] of history) {
      const last = previousSlot(input.interval, to);
      equal(periodOf(input.interval, from), periodOf(input.interval, last));
    }
  }));
});

Deno.test("fetchPlan() has nothing left to ask once all it asked for is held", () => {
  fc.assert(fc.property(anyInput, (input) => {
    const { live, history } = fetchPlan(input);
    const held = mergeRanges([...input.coverage.held, ...live, ...history]);
    const after = { ...input, coverage: { ...input.coverage, held }, refetch: false };
    deepEqual(fetchPlan(after), { live: [], history: [] });
  }));
});

Deno.test("fetchPlan() wants nothing from before 2000, whatever is asked for", () => {
  for (const from of [-100_000_000_000_000, 0, -Infinity]) {
    for (const interval of ["1m", "1h", "1d", "1M"] as const) {
      const { history } = plan({ edge: 1000, interval, wanted: [from, Infinity] });
      equal(history[0]?.[0], slotAt(interval, slotIndex(interval, utc("2000-01-01"))));
    }
  }
});

Deno.test("fetchPlan() needs to know nothing from before the live edge to plan it", () => {
  fc.assert(fc.property(anyInput, fc.nat(300), (input, earlier) => {
    const { coverage: { held, absent, keptOut }, interval, now } = input;
    const cut = slotAt(interval, slotIndex(interval, liveStart(interval, now)) - earlier);
    const clip = (ranges: readonly OpenTimeRange[]) => clipRanges(ranges, [cut, Infinity]);
    const known = absent.filter(({ to }) => to > cut)
      .map((range) => ({ ...range, from: Math.max(range.from, cut) }));
    const coverage = { held: clip(held), absent: known, keptOut: clip(keptOut) };
    deepEqual(fetchPlan({ ...input, coverage }).live, fetchPlan(input).live);
  }));
});
