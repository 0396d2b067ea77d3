import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_RETRY, isRunAgain, retryDelayMs } from "@/domain/crawlers/retry_policy.ts";

const transient = { retryable: true, retryAfterMs: undefined };
const random = () => fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

Deno.test("retry policy waits about a minute after each of three failed attempts, then gives up", () => {
  const waits = [1, 2, 3, 4, 5].map((attempt) =>
    retryDelayMs(DEFAULT_RETRY, { attempt, failure: transient }, 0.5)
  );
  equal(JSON.stringify(waits), JSON.stringify([60_000, 60_000, 60_000, undefined, undefined]));
});

Deno.test("retry policy spreads its waits over a fifth to both sides", () => {
  equal(retryDelayMs(DEFAULT_RETRY, { attempt: 1, failure: transient }, 0), 48_000);
  equal(retryDelayMs(DEFAULT_RETRY, { attempt: 1, failure: transient }, 1 - 1e-9), 72_000);
});

Deno.test("retry policy gives up at once when another try is no use", () => {
  const failure = { retryable: false, retryAfterMs: 1_000 };
  equal(retryDelayMs(DEFAULT_RETRY, { attempt: 1, failure }, 0.5), undefined);
});

Deno.test("retry policy never comes back before the other side wants it, and not at all when that is too late", () => {
  const asked = (retryAfterMs: number) =>
    retryDelayMs(DEFAULT_RETRY, { attempt: 1, failure: { retryable: true, retryAfterMs } }, 0.5);
  equal(asked(1_000), 60_000);
  equal(asked(90_000), 90_000);
  equal(asked(600_000), 600_000);
  equal(asked(600_001), undefined);
});

Deno.test("retry policy makes at most its attempts, with bounded waits, whatever happens", () => {
  const policy = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 9 }),
    delayMs: fc.integer({ min: 0, max: 600_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    longestWaitMs: fc.integer({ min: 0, max: 3_600_000 }),
    maxCrashes: fc.constant(3),
  });
  const failure = fc.record({
    retryable: fc.boolean(),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 7_200_000 }), { nil: undefined }),
  });
  fc.assert(fc.property(policy, fc.array(failure, { minLength: 9, maxLength: 9 }), random(), (
    policy,
    failures,
    chance,
  ) => {
    let attempt = 1;
    for (const failure of failures) {
      const waitMs = retryDelayMs(policy, { attempt, failure }, chance);
      if (waitMs === undefined) break;
      ok(waitMs >= (failure.retryAfterMs ?? 0));
      ok(waitMs <= Math.max(2 * policy.delayMs, policy.longestWaitMs) + 1);
      attempt++;
    }
    ok(attempt <= policy.maxAttempts);
  }));
});

Deno.test("a run that crashed is run again three times in a row, no more", () => {
  const again = [1, 2, 3, 4].map((crashes) => isRunAgain(DEFAULT_RETRY, crashes));
  equal(JSON.stringify(again), "[true,true,true,false]");
});
