import { deepEqual, equal } from "node:assert/strict";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { type CrawlerRunRow, crawlerRuns } from "@/projections/crawler_runs.ts";
import type { RunAttempt } from "@/projections/crawler_queries.ts";
import {
  attempted,
  crashed,
  failed,
  MINUTE,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../support/crawler_runs.ts";
import { rowsAfter } from "./crawler_world.ts";

const begun: CrawlerRunRow = {
  ...{ runId: "run-1", source: "openvlab", venue: "openvlab", status: "running" },
  ...{ trigger: "schedule", scheduledFor: 0, startedAt: 0, finishedAt: null, attempts: [] },
  ...{ durationMs: null, rows: null, bytes: null, retryOf: null, crashes: 0, stopped: false },
  ...{ errorClass: null, errorMessage: null, httpStatus: null },
};

const outage = {
  errorClass: "ServerError",
  errorMessage: "it answered HTTP 503",
  httpStatus: 503,
};

function failure(over: Partial<RunAttempt>): RunAttempt {
  return {
    ...{ attempt: 1, status: "failed", startedAt: 9_000, finishedAt: 10_000, durationMs: 1_000 },
    ...{ ...outage, response: null, retryAt: null },
    ...over,
  };
}

const success: RunAttempt = {
  ...failure({ status: "succeeded", startedAt: 69_000, finishedAt: 70_000 }),
  ...{ attempt: 2, errorClass: null, errorMessage: null, httpStatus: null },
};

const tried = attempted({ at: 10_000 });
const firstTry = failure({ retryAt: 70_000 });
const blob = { sha256: "b".repeat(64), sizeBytes: 7 };

function crash(stopped: boolean, leaseUntil: number | null, at = 200_000): CrawlerRunEvent {
  const event = crashed({ at, attempt: 2 });
  if (event.type !== "CrawlerCrashed") throw new Error("unreachable");
  return { ...event, data: { ...event.data, startedAt: 0, stopped, leaseUntil } };
}

function lost(over: Partial<RunAttempt>): RunAttempt {
  return failure({
    ...{ attempt: 2, status: "crashed", startedAt: 70_000, finishedAt: 200_000 },
    ...{ durationMs: 130_000, errorClass: "Crashed", httpStatus: null },
    ...over,
  });
}

const cases: readonly [string, readonly CrawlerRunEvent[], Partial<CrawlerRunRow>][] = [
  ["runs from its start on", [], {}],
  ["still runs between two attempts, with the error of the first", [tried], {
    ...{ attempts: [firstTry], ...outage },
  }],
  ["succeeds at once", [succeeded({ at: 70_000, attempt: 2, rows: 3 })], {
    ...{ status: "succeeded", finishedAt: 70_000, attempts: [success], durationMs: 1_000 },
    ...{ rows: 3, bytes: 300 },
  }],
  ["succeeds after an attempt, which keeps its error", [
    tried,
    succeeded({ at: 70_000, attempt: 2, rows: 0 }),
  ], {
    ...{ status: "succeeded", finishedAt: 70_000, attempts: [firstTry, success] },
    ...{ durationMs: 1_000, rows: 0, bytes: 0 },
  }],
  ["fails for good, also where the adapter says that it took too long", [
    failed({ at: 10_000, attempt: 1, errorClass: "Timeout", httpStatus: null }),
  ], {
    ...{ status: "failed", finishedAt: 10_000, durationMs: 1_000 },
    ...{ ...outage, errorClass: "Timeout", httpStatus: null },
    attempts: [failure({ errorClass: "Timeout", httpStatus: null })],
  }],
  ["fails for good and tells what was stored of the parts that did not", [
    failed({ at: 10_000, attempt: 1, rows: 3 }),
  ], {
    ...{ status: "failed", finishedAt: 10_000, durationMs: 1_000, rows: 3, bytes: 300 },
    ...{ ...outage, attempts: [failure({})] },
  }],
  ["times out for good after an attempt that did", [
    attempted({ at: 10_000, errorClass: "Timeout" }),
    timedOut({ at: 70_000, attempt: 2 }),
  ], {
    ...{ status: "timed_out", finishedAt: 70_000, durationMs: 1_000 },
    ...{ ...outage, errorClass: "Timeout", httpStatus: null },
    attempts: [
      failure({ status: "timed_out", errorClass: "Timeout", retryAt: 70_000 }),
      failure({
        ...{ attempt: 2, status: "timed_out", startedAt: 69_000, finishedAt: 70_000 },
        ...{ errorClass: "Timeout", httpStatus: null },
      }),
    ],
  }],
  ["crashes in the attempt that was under way when its lease ran out", [
    tried,
    crash(false, 199_000),
  ], {
    ...{ status: "crashed", finishedAt: 200_000, errorClass: "Crashed", httpStatus: null },
    errorMessage: "Whoever ran it was not heard of until its lease ran out",
    attempts: [
      firstTry,
      lost({ errorMessage: "Whoever ran it was not heard of until its lease ran out" }),
    ],
  }],
  ["crashes when its process is gone, before anything was tried", [crash(false, null)], {
    ...{ status: "crashed", finishedAt: 200_000, errorClass: "Crashed" },
    errorMessage: "The process that ran it has ended",
    attempts: [lost({
      ...{ startedAt: 0, durationMs: 200_000 },
      errorMessage: "The process that ran it has ended",
    })],
  }],
  ["is stopped in order while it waits for its next attempt", [tried, crash(true, null, 30_000)], {
    ...{ status: "crashed", finishedAt: 30_000, stopped: true },
    ...{ errorClass: "Crashed", errorMessage: "The service was stopped", httpStatus: null },
    attempts: [
      firstTry,
      lost({
        ...{ startedAt: 30_000, finishedAt: 30_000, durationMs: 0 },
        errorMessage: "The service was stopped",
      }),
    ],
  }],
  ["stays as it ended first", [
    failed({ at: 10_000, attempt: 1 }),
    ...[succeeded({ at: 99_000 }), attempted({ at: 99_000 }), crash(false, null)],
    ...[timedOut({ at: 99_000 }), started({ at: 99_000 }), skipped({ at: 99_000 })],
  ], {
    ...{ status: "failed", finishedAt: 10_000, durationMs: 1_000, ...outage },
    attempts: [failure({})],
  }],
];

for (const [title, events, changes] of cases) {
  Deno.test(`crawler runs: one ${title}`, () => {
    const rows = rowsAfter<CrawlerRunRow>(crawlerRuns, [started(), ...events]);
    deepEqual([...rows], [["run-1", { ...begun, ...changes }]]);
  });
}

Deno.test("crawler runs: one that was skipped has ended, with the reason as its error", () => {
  const rows = rowsAfter<CrawlerRunRow>(crawlerRuns, [skipped({ at: 5 })]);
  deepEqual(rows.get("run-1"), {
    ...{ ...begun, status: "skipped", scheduledFor: 5, startedAt: 5, finishedAt: 5 },
    ...{ errorClass: "Skipped", errorMessage: "breaker_open" },
  });
});

Deno.test("crawler runs: one in the place of a crashed one names it, and how many crashed", () => {
  const event = started();
  if (event.type !== "CrawlerRunStarted") throw new Error("unreachable");
  const data = { ...event.data, trigger: "after_crash", retryOf: "run-0", crashes: 2 } as const;
  const row = rowsAfter<CrawlerRunRow>(crawlerRuns, [{ ...event, data }]).get("run-1");
  deepEqual(row, { ...begun, trigger: "after_crash", retryOf: "run-0", crashes: 2 });
});

Deno.test("crawler runs: an attempt keeps the answer that was no use", () => {
  const event = failed({ at: 10_000, attempt: 1 });
  if (event.type !== "CrawlerFailed") throw new Error("unreachable");
  const data = { ...event.data, response: blob };
  const row = rowsAfter<CrawlerRunRow>(crawlerRuns, [started(), { ...event, data }]).get("run-1");
  deepEqual(row?.attempts, [failure({ response: blob })]);
});

Deno.test("crawler runs: an end without a start makes no row", () => {
  equal(rowsAfter(crawlerRuns, [succeeded(), failed(), crash(false, MINUTE)]).size, 0);
});
