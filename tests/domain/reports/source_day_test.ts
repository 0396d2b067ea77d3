import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  addRun,
  emptyDay,
  failuresOf,
  runsOf,
  type SourceDay,
  successRate,
} from "@/domain/reports/source_day.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import {
  attempted,
  crashed,
  endEvent,
  failed,
  runEnds,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../../support/crawler_runs.ts";

const dayOf = (events: readonly CrawlerRunEvent[]): SourceDay =>
  events.reduce(addRun, emptyDay("openvlab"));

Deno.test("day of a source counts its runs by how they ended, rows, bytes and time", () => {
  const day = dayOf([
    started(),
    attempted(),
    succeeded({ rows: 10, durationMs: 1_000 }),
    succeeded({ runId: "slow", rows: 5, durationMs: 9_000 }),
    failed({ durationMs: 2_000 }),
    timedOut({ durationMs: 3_000 }),
    crashed({ durationMs: 99_000 }),
    skipped(),
    skipped(),
  ]);
  deepEqual(day, {
    ...{ source: "openvlab", succeeded: 2, failed: 1, timedOut: 1, crashed: 1, skipped: 2 },
    ...{ rows: 15, bytes: 1_500, totalMs: 15_000, attempts: 11 },
    durations: [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
    slowest: { runId: "slow", durationMs: 9_000 },
  });
  deepEqual([runsOf(day), failuresOf(day), successRate([day])], [5, 3, 0.4]);
});

Deno.test("day of a source counts what failed runs have stored nevertheless", () => {
  const day = dayOf([
    succeeded({ rows: 10 }),
    failed({ rows: 3 }),
    timedOut({ rows: 2 }),
    failed(),
  ]);
  deepEqual([day.rows, day.bytes, day.succeeded, day.failed], [15, 1_500, 1, 2]);
});

Deno.test("day without a run has no success rate, skipped or not", () => {
  equal(successRate([]), undefined);
  equal(successRate([dayOf([skipped()])]), undefined);
});

Deno.test("success rate is of all runs, not the mean of the sources", () => {
  const days = [dayOf([succeeded(), succeeded(), succeeded()]), dayOf([failed()])];
  equal(successRate(days), 0.75);
});

Deno.test("of runs that took as long the first is the slowest, also when it took no time", () => {
  const day = dayOf([succeeded({ runId: "a", durationMs: 0 }), failed({ durationMs: 0 })]);
  deepEqual(day.slowest, { runId: "a", durationMs: 0 });
});

Deno.test("every run that ended is counted once", () => {
  fc.assert(fc.property(runEnds(["openvlab"], 1_000), (ends) => {
    const day = dayOf(ends.map((end, i) => endEvent(end, { runId: `run-${i}`, at: i })));
    equal(runsOf(day) + day.skipped, ends.length);
    equal(day.slowest === null, ends.every(({ how }) => how === "crashed" || how === "skipped"));
  }));
});
