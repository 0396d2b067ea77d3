import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  type CrawlerRun,
  crawlerRun,
  type CrawlerRunCommand,
  type EndedAttempt,
} from "@/domain/crawler_run.ts";
import { Refusal } from "@/domain/decider.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { stateAfter, testDecider } from "../support/given.ts";

type Data<T extends CrawlerRunEvent["type"]> = Extract<CrawlerRunEvent, { type: T }>["data"];

const identity = { runId: "run-1", source: "openvlab", venue: "openvlab" };
const started: { type: "CrawlerRunStarted"; data: Data<"CrawlerRunStarted"> } = {
  type: "CrawlerRunStarted",
  data: {
    ...identity,
    ...{ trigger: "schedule", scheduledFor: 0, startedAt: 10, maxAttempts: 2 },
    ...{ retryOf: null, crashes: 0 },
  },
};
const failure = {
  ...{ errorClass: "ServerError", errorMessage: "it answered HTTP 503", httpStatus: 503 },
  ...{ response: { sha256: "a".repeat(64), sizeBytes: 12 }, rows: 3, bytes: 30 },
};
const first = { ...identity, attempt: 1, startedAt: 10, finishedAt: 25, durationMs: 15 };
const second = { ...first, attempt: 2, startedAt: 80, finishedAt: 90, durationMs: 10 };
const attempted = {
  type: "CrawlerAttempted",
  data: { ...first, ...failure, retryAt: 80 },
} as const;
const failed = { type: "CrawlerFailed", data: { ...second, ...failure } } as const;
const succeeded = { type: "CrawlerSucceeded", data: { ...second, rows: 7, bytes: 70 } } as const;
const crashed = {
  type: "CrawlerCrashed",
  data: {
    ...identity,
    attempt: 2,
    startedAt: 10,
    finishedAt: 200,
    leaseUntil: 150,
    stopped: false,
  },
} as const;
const skipped: { type: "CrawlerSkipped"; data: Data<"CrawlerSkipped"> } = {
  type: "CrawlerSkipped",
  data: {
    ...identity,
    ...{ trigger: "schedule", scheduledFor: 0, skippedAt: 5, reason: "breaker_open" },
  },
};

const end = (
  attempt: typeof first,
  outcome: EndedAttempt["outcome"],
): CrawlerRunCommand => {
  const { runId, startedAt, finishedAt } = attempt;
  return {
    type: "EndAttempt",
    data: { runId, attempt: attempt.attempt, startedAt, finishedAt, outcome },
  };
};
const good = { status: "succeeded", rows: 7, bytes: 70 } as const;
const bad = (retryAt: number | null) => ({ ...failure, status: "failed", retryAt }) as const;
const slow = (retryAt: number | null) => ({ ...failure, status: "timed_out", retryAt }) as const;

testDecider("StartRun", crawlerRun, [
  {
    name: "starts a run",
    given: [],
    when: { type: "StartRun", data: started.data },
    then: [started],
  },
  {
    name: "refuses the id of another run",
    given: [started],
    when: { type: "StartRun", data: { ...started.data, startedAt: 11 } },
    then: "conflict",
  },
  {
    name: "refuses to start again what has ended",
    given: [started, succeeded],
    when: { type: "StartRun", data: started.data },
    then: "conflict",
  },
]);

testDecider("SkipRun", crawlerRun, [
  {
    name: "records why nothing ran",
    given: [],
    when: { type: "SkipRun", data: skipped.data },
    then: [skipped],
  },
  {
    name: "refuses what runs already",
    given: [started],
    when: { type: "SkipRun", data: skipped.data },
    then: "conflict",
  },
  {
    name: "refuses what has ended",
    given: [started, failed],
    when: { type: "SkipRun", data: skipped.data },
    then: "conflict",
  },
]);

testDecider("EndAttempt", crawlerRun, [
  {
    name: "records an attempt that another one follows",
    given: [started],
    when: end(first, bad(80)),
    then: [attempted],
  },
  {
    name: "ends the run with the first attempt that succeeds",
    given: [started, attempted],
    when: end(second, good),
    then: [succeeded],
  },
  {
    name: "ends the run when nobody wants another attempt",
    given: [started],
    when: end(first, bad(null)),
    then: [{ type: "CrawlerFailed", data: { ...first, ...failure } }],
  },
  {
    name: "ends the run with its last attempt, whatever is wanted",
    given: [started, attempted],
    when: end(second, bad(500)),
    then: [failed],
  },
  {
    name: "says when the last attempt was aborted for its time",
    given: [started, attempted],
    when: end(second, slow(null)),
    then: [{ type: "CrawlerTimedOut", data: failed.data }],
  },
  {
    name: "retries an attempt that was aborted for its time like a failed one",
    given: [started],
    when: end(first, slow(80)),
    then: [attempted],
  },
  {
    name: "takes no time when the clock was turned back",
    given: [started],
    when: end({ ...first, finishedAt: 3 }, good),
    then: [{
      type: "CrawlerSucceeded",
      data: { ...first, finishedAt: 3, durationMs: 0, rows: 7, bytes: 70 },
    }],
  },
  {
    name: "does not overwrite a run that was closed as crashed",
    given: [started, attempted, crashed],
    when: end(second, good),
    then: "conflict",
  },
  {
    name: "does not overwrite a failure with a success",
    given: [started, attempted, failed],
    when: end(second, good),
    then: "conflict",
  },
  {
    name: "does not overwrite a success with a failure",
    given: [started, attempted, succeeded],
    when: end(second, bad(null)),
    then: "conflict",
  },
  {
    name: "refuses an attempt whose turn it is not",
    given: [started],
    when: end(second, good),
    then: "conflict",
  },
  {
    name: "refuses another end of an attempt that has failed",
    given: [started, attempted],
    when: end(first, good),
    then: "conflict",
  },
  {
    name: "refuses a run that nobody started",
    given: [],
    when: end(first, good),
    then: "not_found",
  },
  {
    name: "refuses a run that was skipped",
    given: [skipped],
    when: end(first, good),
    then: "conflict",
  },
]);

const close = (at: number, leaseUntil: number | null): CrawlerRunCommand => ({
  type: "CloseCrashed",
  data: { runId: "run-1", at, leaseUntil, stopped: false },
});

testDecider("CloseCrashed", crawlerRun, [
  {
    name: "ends a run whose lease ran out",
    given: [started, attempted],
    when: close(200, 150),
    then: [crashed],
  },
  {
    name: "ends a run whose process is gone, whatever its lease",
    given: [started],
    when: close(200, null),
    then: [{ ...crashed, data: { ...crashed.data, attempt: 1, leaseUntil: null } }],
  },
  {
    name: "refuses while the lease holds",
    given: [started],
    when: close(149, 150),
    then: "conflict",
  },
  {
    name: "is silent about a run that ended meanwhile",
    given: [started, attempted, failed],
    when: close(200, 150),
    then: [],
  },
  { name: "refuses a run that nobody started", given: [], when: close(9, null), then: "not_found" },
]);

Deno.test("a run that comes back late is told how it ended", () => {
  const state = stateAfter(crawlerRun, [started, attempted, crashed]);
  throws(() => crawlerRun.decide(end(second, good), state), {
    message: "Cannot end attempt 2 of run run-1: it has crashed before",
  });
});

Deno.test("the same end of an attempt is silent whatever the order of its fields", () => {
  const stored = { ...attempted, data: { retryAt: 80, ...failure, ...first } };
  const state = stateAfter<CrawlerRunCommand, CrawlerRunEvent, CrawlerRun>(
    crawlerRun,
    [started, stored],
  );
  deepEqual(crawlerRun.decide(end(first, bad(80)), state), []);
});

Deno.test("every run ends in exactly one final state, whatever comes in whatever order", () => {
  const command = fc.oneof(
    fc.constant<CrawlerRunCommand>({ type: "StartRun", data: started.data }),
    fc.constant<CrawlerRunCommand>({ type: "SkipRun", data: skipped.data }),
    fc.constantFrom(close(200, 150), close(100, 150), close(300, null)),
    fc.record({
      attempt: fc.constantFrom(first, second),
      outcome: fc.constantFrom(good, bad(80), bad(null), slow(80), slow(null)),
    }).map(({ attempt, outcome }) => end(attempt, outcome)),
  );
  fc.assert(fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
    const log: CrawlerRunEvent[] = [];
    for (const one of commands) {
      try {
        log.push(...crawlerRun.decide(one, stateAfter(crawlerRun, log)));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }
    const finals = log.filter(({ type }) =>
      type !== "CrawlerRunStarted" && type !== "CrawlerAttempted"
    );
    equal(finals.length <= 1, true, JSON.stringify(log));
    if (finals.length === 1) equal(log.at(-1), finals[0]);
    // Whatever it is in, a crash is always able to end it.
    const state = stateAfter(crawlerRun, log);
    if (state.status !== "absent") {
      const closed = [...log, ...crawlerRun.decide(close(400, null), state)];
      equal(stateAfter(crawlerRun, closed).status, "ended");
    }
  }));
});

Deno.test("a run that has ended stays as it is, whatever the log says afterwards", () => {
  const events = fc.array(fc.constantFrom(attempted, failed, succeeded, crashed, skipped));
  fc.assert(fc.property(events, (log) => {
    const ended = stateAfter<CrawlerRunCommand, CrawlerRunEvent, CrawlerRun>(crawlerRun, [
      ...[started, crashed, ...log],
    ]);
    deepEqual(ended, { status: "ended", run: started.data, final: crashed });
  }));
});
