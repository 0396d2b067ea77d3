import assert from "node:assert/strict";
import fc from "fast-check";
import { createRateLimiter } from "@/routes/rate_limit.ts";

const LIMITS = { auth: 10, lab: 100, write: 600, market: 60 } as const;

function clockAt(now: number) {
  return { now: () => now, advance: (ms: number) => void (now += ms) };
}

Deno.test("rate limiter: gives a minute's worth at once, then one as each is refilled", () => {
  const clock = clockAt(0);
  const limiter = createRateLimiter({ limits: LIMITS, clock });
  for (let i = 0; i < 60; i++) assert.equal(limiter.take("market", "a"), 0);
  assert.equal(limiter.take("market", "a"), 1);
  clock.advance(999);
  assert.equal(limiter.take("market", "a"), 1);
  clock.advance(1);
  assert.equal(limiter.take("market", "a"), 0);
  assert.equal(limiter.take("market", "a"), 1);
});

Deno.test("rate limiter: counts callers and classes apart", () => {
  const limiter = createRateLimiter({ limits: LIMITS, clock: clockAt(0) });
  for (let i = 0; i < 10; i++) assert.equal(limiter.take("auth", "a"), 0);
  assert.equal(limiter.take("auth", "a"), 6);
  assert.equal(limiter.take("auth", "b"), 0);
  assert.equal(limiter.take("market", "a"), 0);
});

Deno.test("rate limiter: 0 is unlimited", () => {
  const limiter = createRateLimiter({ limits: { ...LIMITS, market: 0 }, clock: clockAt(0) });
  for (let i = 0; i < 10_000; i++) assert.equal(limiter.take("market", "a"), 0);
});

Deno.test("rate limiter: forgets the caller unseen for longest when there are too many", () => {
  const limiter = createRateLimiter({
    limits: { ...LIMITS, auth: 1 },
    clock: clockAt(0),
    maxBuckets: 2,
  });
  assert.equal(limiter.take("auth", "a"), 0);
  assert.equal(limiter.take("auth", "b"), 0);
  assert.notEqual(limiter.take("auth", "a"), 0);
  assert.equal(limiter.take("auth", "c"), 0);
  assert.equal(limiter.take("auth", "b"), 0, "b was forgotten");
  assert.notEqual(limiter.take("auth", "c"), 0);
});

Deno.test("rate limiter: a clock that is set back takes nothing away", () => {
  const clock = clockAt(1_000_000);
  const limiter = createRateLimiter({ limits: LIMITS, clock });
  assert.equal(limiter.take("auth", "a"), 0);
  clock.advance(-900_000);
  for (let i = 0; i < 9; i++) assert.equal(limiter.take("auth", "a"), 0);
});

Deno.test("rate limiter: in any stretch of time lets through at most the burst and the refill", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 300 });
  fc.assert(fc.property(steps, (pauses) => {
    const clock = clockAt(0);
    const limiter = createRateLimiter({ limits: LIMITS, clock });
    let passed = 0;
    for (const ms of pauses) {
      clock.advance(ms);
      if (limiter.take("market", "a") === 0) passed++;
    }
    assert.ok(passed <= 60 + clock.now() / 1_000);
    assert.equal(passed === pauses.length || passed >= 60, true);
  }));
});

Deno.test("rate limiter: whoever waits as long as told is let through", () => {
  const calls = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(calls, (pauses) => {
    const clock = clockAt(0);
    const limiter = createRateLimiter({ limits: { ...LIMITS, write: 7 }, clock });
    for (const ms of pauses) {
      clock.advance(ms);
      const waitS = limiter.take("write", "a");
      if (waitS === 0) continue;
      clock.advance(waitS * 1_000);
      assert.equal(limiter.take("write", "a"), 0);
    }
  }));
});
