import assert from "node:assert/strict";
import fc from "fast-check";
import { createPace } from "@/adapters/alerts/pace.ts";
import { fakeClock, leapingClock, settle } from "@/tests/support/fake_clock.ts";

const MINUTE = 60_000;

Deno.test("pace lets a burst through at once and makes the next one wait for its window", async () => {
  const clock = fakeClock(0);
  const pace = createPace(clock, [{ most: 3, ms: MINUTE }]);
  const sent: number[] = [];
  const all = Array.from(
    { length: 4 },
    () => pace.run(() => Promise.resolve(sent.push(clock.now()))),
  );
  await settle(100);
  assert.deepEqual([sent, clock.sleepers()], [[0, 0, 0], [MINUTE]]);
  clock.advance(MINUTE - 1);
  await settle(100);
  assert.equal(sent.length, 3);
  clock.advance(1);
  await Promise.all(all);
  assert.deepEqual(sent, [0, 0, 0, MINUTE]);
});

Deno.test("pace sends one after the other, in the order they came", async () => {
  const pace = createPace(fakeClock(0), [{ most: 9, ms: MINUTE }]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const first = pace.run(() => promise.then(() => void seen.push("first")));
  const second = pace.run(() => Promise.resolve(void seen.push("second")));
  await settle(100);
  assert.deepEqual(seen, []);
  resolve();
  await Promise.all([first, second]);
  assert.deepEqual(seen, ["first", "second"]);
});

Deno.test("pace counts what others have sent a while ago", async () => {
  const clock = fakeClock(0);
  const pace = createPace(clock, [{ most: 2, ms: MINUTE }]);
  const ours = () => Promise.resolve(clock.now());
  const sent = [
    pace.run(ours, { endedAgoMs: [50_000] }),
    pace.run(ours, { endedAgoMs: [50_000, 20_000] }),
    pace.run(ours, { endedAgoMs: [70_000, 60_000] }),
  ];
  await settle(100);
  assert.deepEqual(clock.sleepers(), [10_000]);
  clock.advance(10_000);
  await settle(100);
  clock.advance(50_000);
  assert.deepEqual(await Promise.all(sent), [0, 10_000, MINUTE]);
});

Deno.test("pace goes on after a message that failed, which counts like the others", async () => {
  const clock = fakeClock(0);
  const pace = createPace(clock, [{ most: 1, ms: MINUTE }]);
  await assert.rejects(pace.run(() => Promise.reject(new Error("no"))), /no/);
  const next = pace.run(() => Promise.resolve(7));
  await settle(100);
  assert.deepEqual(clock.sleepers(), [MINUTE]);
  clock.advance(MINUTE);
  assert.equal(await next, 7);
});

Deno.test("pace keeps still as long as the longest pause", async () => {
  const clock = fakeClock(0);
  const pace = createPace(clock, [{ most: 9, ms: 1 }]);
  pace.pause(5_000);
  pace.pause(1_000);
  const sending = pace.run(() => Promise.resolve(clock.now()));
  await settle(100);
  clock.advance(4_999);
  await settle(100);
  // A pause that comes while it waits counts, too.
  pace.pause(2_000);
  clock.advance(1);
  await settle(100);
  clock.advance(1_999);
  assert.equal(await sending, 6_999);
});

Deno.test("pace lets those behind go on when one that waits is aborted", async () => {
  const clock = fakeClock(0);
  const pace = createPace(clock, [{ most: 9, ms: MINUTE }]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const seen: string[] = [];
  const first = pace.run(() => promise.then(() => void seen.push("first")));
  const aborted = pace.run(() => Promise.resolve(void seen.push("aborted")), {
    signal: stop.signal,
  });
  const third = pace.run(() => Promise.resolve(void seen.push("third")));
  const reason = new Error("enough");
  stop.abort(reason);
  await assert.rejects(aborted, reason);
  await settle(100);
  assert.deepEqual(seen, [], "an abort lets nobody overtake");
  resolve();
  await Promise.all([first, third]);
  assert.deepEqual(seen, ["first", "third"]);
});

Deno.test("pace refuses what waits, for its turn or its time, when it is closed", async () => {
  const clock = fakeClock(0);
  const pace = createPace(clock, [{ most: 1, ms: MINUTE }]);
  await pace.run(() => Promise.resolve());
  const waiting = [1, 2].map(() => pace.run(() => Promise.resolve()));
  await settle(100);
  const refused = Promise.all(waiting.map((one) => assert.rejects(one, /closed/)));
  pace.close(new Error("closed"));
  await refused;
  assert.deepEqual(clock.sleepers(), []);
});

Deno.test("pace: no window of any length ever sees more than it allows, wherever a message is on its way", async () => {
  const windows = fc.array(
    fc.record({ most: fc.integer({ min: 1, max: 6 }), ms: fc.integer({ min: 1, max: 500 }) }),
    { minLength: 1, maxLength: 3 },
  );
  // How long each takes, and when within that time the robot sees it.
  const trips = fc.array(
    fc.tuple(fc.nat({ max: 300 }), fc.double({ min: 0, max: 1, noNaN: true })),
    {
      maxLength: 25,
    },
  );
  await fc.assert(
    fc.asyncProperty(windows, trips, async (windows, trips) => {
      const clock = leapingClock(0);
      const pace = createPace(clock, windows);
      const seen: number[] = [];
      await Promise.all(trips.map(([takesMs, part]) =>
        pace.run(async () => {
          seen.push(clock.now() + takesMs * part);
          await clock.sleep(takesMs);
        })
      ));
      for (const { most, ms } of windows) {
        for (const [i, at] of seen.entries()) {
          const later = seen[i + most];
          assert.ok(later === undefined || later - at >= ms - 1e-6, `${most + 1} within ${ms} ms`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("pace keeps nobody waiting for longer when the clock is set back", async () => {
  const clock = fakeClock(24 * 60 * MINUTE);
  const pace = createPace(clock, [{ most: 1, ms: MINUTE }]);
  await pace.run(() => Promise.resolve());
  clock.advance(-60 * MINUTE);
  const second = pace.run(() => Promise.resolve("sent"));
  await settle(100);
  assert.deepEqual(clock.sleepers(), [MINUTE]);
  clock.advance(MINUTE);
  assert.equal(await second, "sent");
});
