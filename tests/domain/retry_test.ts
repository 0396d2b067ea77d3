import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { DatabaseError } from "@/events/store/database.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { retry, type RetryNotice, type RetryOptions } from "@/domain/retry.ts";

/** A clock whose sleeps end at once and are written down. */
function countingClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => slept.reduce((sum, ms) => sum + ms, 0),
    sleep(ms, signal) {
      slept.push(ms);
      return signal?.aborted ? Promise.reject(signal.reason) : Promise.resolve();
    },
  };
}

function options(clock: Clock, more: Partial<RetryOptions> = {}): RetryOptions {
  return { clock, random: () => 0.5, attempts: 4, baseMs: 1000, maxMs: 60_000, ...more };
}

function outage({ retryable = true, retryAfterMs }: {
  retryable?: boolean;
  retryAfterMs?: number;
} = {}): AdapterError {
  return new AdapterError("down", { port: "exchange", op: "time", retryable, retryAfterMs });
}

/** Fails with these errors one after the other, then succeeds. */
function failing(...errors: readonly unknown[]): (attempt: number) => Promise<string> {
  return (attempt) =>
    attempt <= errors.length
      ? Promise.reject(errors[attempt - 1])
      : Promise.resolve(`attempt ${attempt}`);
}

Deno.test("retry() answers at once when the work succeeds", async () => {
  const clock = countingClock();
  equal(await retry(failing(), options(clock)), "attempt 1");
  deepEqual(clock.slept, []);
});

Deno.test("retry() doubles the longest wait each time and says what it does", async () => {
  const clock = countingClock();
  const notices: RetryNotice[] = [];
  const [a, b, c] = [outage(), outage(), outage()];
  const onRetry = (notice: RetryNotice) => void notices.push(notice);
  equal(await retry(failing(a, b, c), options(clock, { onRetry })), "attempt 4");
  deepEqual(clock.slept, [500, 1000, 2000]);
  deepEqual(notices, [
    { error: a, attempt: 1, delayMs: 500 },
    { error: b, attempt: 2, delayMs: 1000 },
    { error: c, attempt: 3, delayMs: 2000 },
  ]);
});

Deno.test("retry() throws the last error when its attempts are used, without waiting again", async () => {
  const clock = countingClock();
  const errors = [outage(), outage(), outage(), outage(), outage()];
  await rejects(retry(failing(...errors), options(clock)), (error) => error === errors[3]);
  equal(clock.slept.length, 3);
});

Deno.test("retry() waits at least as long as the other side asked, beyond its own limit too", async () => {
  const clock = countingClock();
  const asked = outage({ retryAfterMs: 90_000 });
  await retry(failing(asked, outage({ retryAfterMs: 1 })), options(clock));
  deepEqual(clock.slept, [90_000, 1000]);
});

const FINAL: readonly [string, unknown][] = [
  ["what the adapter says will not help", outage({ retryable: false })],
  ["a refusal", new Refusal("not_found", "Cannot find symbol X")],
  ["a bug", new TypeError("undefined is not a function")],
  ["a broken constraint", new DatabaseError("duplicate key", { sqlstate: "23505" })],
];

for (const [name, error] of FINAL) {
  Deno.test(`retry() does not repeat ${name}`, async () => {
    const clock = countingClock();
    await rejects(retry(failing(error), options(clock)), (thrown) => thrown === error);
    deepEqual(clock.slept, []);
  });
}

Deno.test("retry() repeats a lost database connection", async () => {
  equal(
    await retry(failing(new DatabaseError("connection lost", {})), options(countingClock())),
    "attempt 2",
  );
});

Deno.test("retry() lets the caller say what is worth another try", async () => {
  const isRetryable = (error: unknown) => error === "again";
  equal(await retry(failing("again"), options(countingClock(), { isRetryable })), "attempt 2");
  await rejects(
    retry(failing(outage()), options(countingClock(), { isRetryable })),
    AdapterError,
  );
});

Deno.test("retry() starts nothing once it is aborted", async () => {
  let calls = 0;
  const work = () => Promise.resolve(++calls);
  const signal = AbortSignal.abort(new Error("stopped"));
  await rejects(retry(work, options(countingClock(), { signal })), /stopped/);
  equal(calls, 0);
});

Deno.test("retry() ends with the signal's reason when aborted during the work or the wait", async () => {
  for (const when of ["work", "wait"]) {
    const stop = new AbortController();
    const clock = countingClock();
    const reason = new Error(`stopped in ${when}`);
    const work = (attempt: number) => {
      if (when === "work") stop.abort(reason);
      return failing(outage(), outage())(attempt);
    };
    const onRetry = () => when === "wait" && stop.abort(reason);
    const run = retry(work, options(clock, { signal: stop.signal, onRetry }));
    await rejects(run, (error) => error === reason);
    equal(clock.slept.length, when === "work" ? 0 : 1);
  }
});

Deno.test("retry() waits within 0 and the growing limit, and never tries more often than allowed", async () => {
  const numbers = fc.record({
    attempts: fc.integer({ min: 1, max: 12 }),
    baseMs: fc.integer({ min: 1, max: 5000 }),
    maxMs: fc.integer({ min: 1, max: 60_000 }),
    rolls: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
  });
  await fc.assert(fc.asyncProperty(numbers, async ({ attempts, baseMs, maxMs, rolls }) => {
    const clock = countingClock();
    let tries = 0;
    const random = () => rolls[clock.slept.length] ?? 0.999;
    const work = () => {
      tries++;
      return Promise.reject(outage());
    };
    await rejects(retry(work, { clock, random, attempts, baseMs, maxMs }), AdapterError);
    equal(tries, attempts);
    clock.slept.forEach((ms, i) => ok(ms >= 0 && ms < Math.min(maxMs, baseMs * 2 ** i)));
  }));
});
