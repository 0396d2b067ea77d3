import assert from "node:assert/strict";
import fc from "fast-check";
import { createLimiter, type Limiter, type Priority } from "@/adapters/limiter.ts";
import { fakeClock, leapingClock, settle } from "@/tests/support/fake_clock.ts";

const INTERVAL = 100;

/** Requests that note when they went out and wait to be answered. */
function requests(limiter: Limiter, now: () => number) {
  const sent: { name: string; at: number }[] = [];
  const answers = new Map<string, () => void>();
  return {
    sent,
    names: () => sent.map(({ name }) => name),
    answer: (name: string) => answers.get(name)?.(),
    send: (
      name: string,
      options: { priority?: Priority; weight?: number; signal?: AbortSignal } = {},
    ) =>
      limiter.run(({ spend }) => {
        sent.push({ name, at: now() });
        if (options.weight !== undefined) spend(options.weight);
        return new Promise<void>((resolve) => answers.set(name, resolve));
      }, { priority: options.priority ?? "history", signal: options.signal }),
  };
}

Deno.test("limiter spaces requests by its interval", async () => {
  const clock = fakeClock(0);
  const { send, sent } = requests(createLimiter({ clock, intervalMs: INTERVAL }), clock.now);
  for (const name of ["a", "b", "c"]) void send(name);
  for (let i = 0; i < 6; i++) {
    await settle();
    clock.advance(50);
  }
  assert.deepEqual(sent, [{ name: "a", at: 0 }, { name: "b", at: 100 }, { name: "c", at: 200 }]);
});

Deno.test("limiter lets a live request overtake history that waits", async () => {
  const clock = fakeClock(0);
  const { send, names } = requests(createLimiter({ clock, intervalMs: INTERVAL }), clock.now);
  for (const name of ["a", "b", "c"]) void send(name);
  await settle();
  clock.advance(50);
  void send("live", { priority: "live" });
  for (let i = 0; i < 4; i++) {
    clock.advance(100);
    await settle();
  }
  assert.deepEqual(names(), ["a", "live", "b", "c"]);
});

Deno.test("limiter lets readers stand behind what is live, and take turns with history", async () => {
  const clock = fakeClock(0);
  const { send, names } = requests(createLimiter({ clock, intervalMs: INTERVAL }), clock.now);
  void send("first");
  for (const name of ["r1", "r2", "r3"]) void send(name, { priority: "reader" });
  for (const name of ["h1", "h2"]) void send(name);
  for (const name of ["l1", "l2"]) void send(name, { priority: "live" });
  for (let i = 0; i < 9; i++) {
    await settle();
    clock.advance(INTERVAL);
  }
  assert.deepEqual(names(), ["first", "l1", "l2", "r1", "h1", "r2", "h2", "r3"]);
});

Deno.test("limiter waits longer after a request that turned out heavier", async () => {
  const clock = fakeClock(0);
  const { send, sent } = requests(createLimiter({ clock, intervalMs: INTERVAL }), clock.now);
  void send("heavy", { weight: 5 });
  void send("next");
  await settle();
  clock.advance(499);
  await settle();
  assert.equal(sent.length, 1);
  clock.advance(1);
  await settle();
  assert.deepEqual(sent.at(-1), { name: "next", at: 500 });
});

Deno.test("limiter sends nothing while the venue asked for silence", async () => {
  const clock = fakeClock(0);
  const limiter = createLimiter({ clock, intervalMs: INTERVAL });
  const { send, names } = requests(limiter, clock.now);
  limiter.pause(3_000);
  limiter.pause(1_000);
  assert.equal(limiter.pausedMs(), 3_000);
  void send("live", { priority: "live" });
  await settle();
  clock.advance(2_999);
  await settle();
  assert.deepEqual(names(), []);
  clock.advance(1);
  await settle();
  assert.deepEqual(names(), ["live"]);
});

Deno.test("limiter keeps no more than its number of requests on their way", async () => {
  const clock = leapingClock(0);
  const limiter = createLimiter({ clock, intervalMs: 1, maxInFlight: 2 });
  const { send, names, answer } = requests(limiter, clock.now);
  for (const name of ["a", "b", "c"]) void send(name);
  await settle(200);
  assert.deepEqual(names(), ["a", "b"]);
  answer("a");
  await settle(200);
  assert.deepEqual(names(), ["a", "b", "c"]);
});

Deno.test("limiter gives up the place of a request that is aborted while it waits", async () => {
  const clock = fakeClock(0);
  const { send, names } = requests(createLimiter({ clock, intervalMs: INTERVAL }), clock.now);
  const stop = new AbortController();
  const reason = new Error("enough");
  void send("a");
  const waiting = send("b", { signal: stop.signal });
  await settle();
  stop.abort(reason);
  await assert.rejects(waiting, reason);
  assert.deepEqual(clock.sleepers(), []);
  await assert.rejects(send("c", { signal: stop.signal }), reason);
  void send("d");
  await settle();
  clock.advance(INTERVAL);
  await settle();
  assert.deepEqual(names(), ["a", "d"]);
});

Deno.test("limiter refuses what still waits when it is closed", async () => {
  const clock = fakeClock(0);
  const limiter = createLimiter({ clock, intervalMs: INTERVAL });
  const { send } = requests(limiter, clock.now);
  void send("a");
  const waiting = send("b");
  await settle();
  limiter.close(new Error("closed"));
  await assert.rejects(waiting, /closed/);
  assert.deepEqual(clock.sleepers(), []);
});

Deno.test("limiter goes on after a request that failed", async () => {
  const limiter = createLimiter({ clock: leapingClock(0), intervalMs: 1, maxInFlight: 1 });
  const failing = limiter.run(() => Promise.reject(new Error("no")), { priority: "live" });
  await assert.rejects(failing, /no/);
  assert.equal(await limiter.run(() => Promise.resolve(7), { priority: "live" }), 7);
});

Deno.test("limiter never sends two requests closer than their weights allow", async () => {
  const weights = fc.array(fc.double({ min: 0, max: 6, noNaN: true }), { maxLength: 20 });
  await fc.assert(fc.asyncProperty(weights, async (all) => {
    const clock = leapingClock(0);
    const limiter = createLimiter({ clock, intervalMs: INTERVAL });
    const sent: number[] = [];
    await Promise.all(all.map((weight) =>
      limiter.run(({ spend }) => {
        sent.push(clock.now());
        spend(weight);
        return Promise.resolve();
      }, { priority: "history" })
    ));
    for (let i = 1; i < sent.length; i++) {
      const gap = (sent[i] ?? 0) - (sent[i - 1] ?? 0);
      assert.ok(gap >= INTERVAL * Math.max(1, all[i - 1] ?? 1) - 1e-6, `gap ${gap}`);
    }
  }));
});

Deno.test("limiter waits no longer than was asked when the clock is set back", async () => {
  const clock = fakeClock(3_600_000);
  const limiter = createLimiter({ clock, intervalMs: INTERVAL });
  const { send, names } = requests(limiter, clock.now);
  void send("a", { weight: 3 });
  await settle();
  clock.advance(-3_600_000);
  void send("b");
  await settle();
  assert.deepEqual(clock.sleepers(), [3 * INTERVAL]);
  clock.advance(3 * INTERVAL);
  await settle();
  assert.deepEqual(names(), ["a", "b"]);
  limiter.pause(5_000);
  clock.advance(-3_600_000);
  assert.equal(limiter.pausedMs(), 5_000);
});
