import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createVenueBreakers, type VenueRound } from "@/cron/venue_breakers.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { exchangesOf } from "@/tests/support/crawl_house.ts";
import { tableExchange } from "@/tests/support/table_exchange.ts";

const MINUTE = 60_000;
const never = new AbortController().signal;
const fault = (port = "exchange") =>
  new AdapterError("Cannot ask table: it is down", { port, op: "test", retryable: true });

function view(symbol: string, lastError: string | null = null): SeriesView {
  return {
    ...{ id: `table.${symbol}.1m`, exchange: "table", symbol, interval: "1m" },
    ...{ watched: true, simulated: false, source: null, firstOpenTime: null, lastOpenTime: null },
    ...{ candles: 0, hotRows: 0, coldMonths: 0, coveragePct: null, gaps: 0, historyStart: null },
    ...{ lastCrawledAt: null, lastError },
  };
}

/** A venue that is down until it is mended, on a clock that the test turns. */
function scene() {
  let now = 1_000 * MINUTE;
  let down = true;
  const venue = tableExchange({
    ...{ candles: [], now: () => now, fault: () => down ? "down" : undefined },
  });
  const breakers = createVenueBreakers({
    clock: { now: () => now },
    exchanges: exchangesOf(venue),
  });
  const failed: VenueRound = { answered: 0, errors: [fault()], unasked: [] };
  return {
    ...{ breakers, venue, failed },
    asked: () => venue.requests.map(({ symbol }) => symbol),
    later: (ms: number) => now += ms,
    mend: () => down = false,
    judge: (round: Partial<VenueRound>) => breakers.judge("table", { ...failed, ...round }, never),
    async fail() {
      for (let i = 0; i < 3; i++) await breakers.judge("table", failed, never);
    },
  };
}

Deno.test("venue breakers leave a venue out after three failed rounds, and no other", async () => {
  const { breakers, judge } = scene();
  for (const out of [false, false, true]) {
    await judge({});
    equal(breakers.isLeftOut("table"), out);
  }
  equal(breakers.isLeftOut("other"), false);
  equal(String(breakers.lastError("table")), "AdapterError: Cannot ask table: it is down");
  equal(await breakers.admit([view("A")], never), false);
});

const HARMLESS: readonly [name: string, round: Partial<VenueRound>][] = [
  ["something was answered", { answered: 1, errors: [fault(), fault()] }],
  ["nothing failed", { errors: [] }],
  ["a fault is ours", { errors: [fault(), new Error("a bug")] }],
  ["the database fails", { errors: [fault("blobs")] }],
];

for (const [name, round] of HARMLESS) {
  Deno.test(`venue breakers do not blame the venue when ${name}`, async () => {
    const { breakers, judge } = scene();
    for (let i = 0; i < 9; i++) await judge(round);
    equal(breakers.isLeftOut("table"), false);
  });
}

Deno.test("venue breakers ask for a series that was not asked for before they blame the venue", async () => {
  const { breakers, judge, asked } = scene();
  const unasked = [view("A"), view("B", "it failed"), view("C")];
  for (let i = 0; i < 3; i++) await judge({ unasked });
  equal(breakers.isLeftOut("table"), true);
  deepEqual(asked(), ["A", "C", "A"], "a sound one, another each time");
  const well = scene();
  well.mend();
  for (let i = 0; i < 9; i++) await well.judge({ unasked });
  equal(well.breakers.isLeftOut("table"), false, "one bad symbol is not a dead venue");
});

Deno.test("venue breakers count failed rounds in a row: one that brought something begins anew", async () => {
  const { breakers, judge } = scene();
  for (const answered of [0, 0, 1, 0, 0]) await judge({ answered });
  equal(breakers.isLeftOut("table"), false);
  await judge({});
  equal(breakers.isLeftOut("table"), true);
});

Deno.test("venue breakers learn nothing of a venue where a fault of ours or an abort ends the probe", async () => {
  const { venue, failed } = scene();
  const bug = new Error("a bug");
  const { get } = exchangesOf({ ...venue, fetchCandles: () => Promise.reject(bug) });
  const breakers = createVenueBreakers({ clock: { now: () => 0 }, exchanges: { get } });
  const round = { ...failed, unasked: [view("A")] };
  for (let i = 0; i < 9; i++) await breakers.judge("table", round, never);
  const reason = new Error("stop");
  await rejects(breakers.judge("table", round, AbortSignal.abort(reason)), reason);
  equal(breakers.isLeftOut("table"), false);
});

Deno.test("venue breakers probe one series after five minutes, and again five minutes later", async () => {
  const { breakers, fail, later, mend, asked, venue } = scene();
  const series = [view("A", "it failed"), view("B", "it failed")];
  await fail();
  later(5 * MINUTE - 1);
  equal(await breakers.admit(series, never), false);
  deepEqual(asked(), []);
  later(1);
  equal(await breakers.admit(series, never), false);
  equal(await breakers.admit(series, never), false);
  deepEqual(asked(), ["A"]);
  later(5 * MINUTE);
  mend();
  equal(await breakers.admit(series, never), true);
  deepEqual(asked(), ["A", "B"]);
  equal(await breakers.admit(series, never), true);
  ok(venue.requests.every(({ limit, from, to }) => limit === 1 && to - from === MINUTE));
});

Deno.test("venue breakers let one caller probe while the others wait for what it finds", async () => {
  const { breakers, fail, later, mend, asked } = scene();
  await fail();
  later(5 * MINUTE);
  mend();
  const both = await Promise.all([
    breakers.admit([view("A")], never),
    breakers.admit([view("B")], never),
  ]);
  deepEqual(both, [true, false]);
  deepEqual(asked(), ["A"]);
  equal(await breakers.admit([view("B")], never), true);
});

Deno.test("venue breakers take a probe that was aborted for none", async () => {
  const { breakers, fail, later, mend } = scene();
  await fail();
  later(5 * MINUTE);
  const reason = new Error("stop");
  await rejects(breakers.admit([view("A")], AbortSignal.abort(reason)), reason);
  mend();
  equal(await breakers.admit([view("A")], never), true);
});

Deno.test("venue breakers have nothing to ask where a venue has no series left", async () => {
  const { breakers, fail, later } = scene();
  await fail();
  later(5 * MINUTE);
  equal(await breakers.admit([], never), true, "nobody's venue is not left out");
});

Deno.test("venue breakers show how it stands with each venue that was asked, by name", async () => {
  const { breakers, judge, fail, mend, later } = scene();
  deepEqual(breakers.standings(), []);
  await breakers.judge("another", { answered: 1, errors: [], unasked: [] }, never);
  await fail();
  const until = 1_005 * MINUTE;
  const closed = { status: "closed", failures: 0 } as const;
  const another = { exchange: "another", breaker: closed, failures: 0, lastError: null };
  const error = { failures: 3, lastError: "Cannot ask table: it is down" };
  deepEqual(breakers.standings(), [
    another,
    { exchange: "table", breaker: { status: "open", until }, ...error },
  ]);
  later(5 * MINUTE);
  mend();
  await breakers.admit([view("A")], never);
  const works = { exchange: "table", breaker: closed, failures: 3, lastError: null };
  deepEqual(breakers.standings(), [another, works], "what failed stays counted");
  await judge({});
  deepEqual(breakers.standings()[1], {
    ...{ exchange: "table", breaker: { status: "closed", failures: 1 }, ...error, failures: 4 },
  });
});
