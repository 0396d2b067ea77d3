import assert from "node:assert/strict";
import { createVenueClock } from "@/adapters/exchange/venue_clock.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const AHEAD = 7_000;

Deno.test("venue clock measures once and then counts on with ours", async () => {
  const clock = fakeClock(1_000_000);
  let asked = 0;
  const ask = () => Promise.resolve(clock.now() + AHEAD + 0 * asked++);
  const venue = createVenueClock({ clock, ask, knock: () => Promise.resolve() });
  assert.equal(await venue.time(), 1_000_000 + AHEAD);
  clock.advance(60_000);
  assert.equal(await venue.time(), 1_060_000 + AHEAD);
  assert.equal(asked, 1);
  clock.advance(5 * 60_000);
  await venue.time();
  assert.equal(asked, 2);
});

Deno.test("venue clock takes half of the way there and back as the answer's age", async () => {
  const clock = fakeClock(0);
  const ask = () => {
    clock.advance(100);
    const told = clock.now();
    clock.advance(100);
    return Promise.resolve(told);
  };
  const venue = createVenueClock({ clock, ask, knock: () => Promise.resolve() });
  assert.equal(await venue.time(), clock.now());
});

Deno.test("venue clock asks once when several want to know at the same moment", async () => {
  const clock = fakeClock(0);
  let asked = 0;
  const { promise, resolve } = Promise.withResolvers<number>();
  const ask = () => {
    asked++;
    return promise;
  };
  const venue = createVenueClock({ clock, ask, knock: () => Promise.resolve() });
  const both = Promise.all([venue.time(), venue.time()]);
  resolve(5);
  assert.deepEqual(await both, [5, 5]);
  assert.equal(asked, 1);
});

Deno.test("venue clock goes on with what it knows when a later measurement fails", async () => {
  const clock = fakeClock(0);
  const answers = [() => Promise.resolve(AHEAD), () => Promise.reject(new Error("down"))];
  const ask = () => answers.shift()?.() ?? Promise.resolve(0);
  const venue = createVenueClock({ clock, ask, knock: () => Promise.resolve() });
  assert.equal(await venue.time(), AHEAD);
  clock.advance(10 * 60_000);
  assert.equal(await venue.time(), 10 * 60_000 + AHEAD);
});

Deno.test("venue clock fails when it has never been able to measure", async () => {
  const ask = () => Promise.reject(new Error("down"));
  const venue = createVenueClock({ clock: fakeClock(0), ask, knock: () => Promise.resolve() });
  await assert.rejects(venue.time(), /down/);
});

Deno.test("venue clock measures again when our clock was set back", async () => {
  const clock = fakeClock(1_000_000);
  let real = 2_000_000;
  const venue = createVenueClock({
    clock,
    ask: () => Promise.resolve(real),
    knock: () => Promise.resolve(),
  });
  assert.equal(await venue.time(), real);
  clock.advance(-500_000);
  real += 1_000;
  assert.equal(await venue.time(), real);
});

Deno.test("venue clock reads the Date header where the venue does not tell its time", async () => {
  const clock = fakeClock(1_000_000);
  let knocked = 0;
  const venue = createVenueClock({
    clock,
    ask: undefined,
    knock() {
      knocked++;
      venue.seen(-3_600_000);
      return Promise.resolve();
    },
  });
  assert.equal(await venue.time(), 1_000_000 - 3_600_000);
  venue.seen(-3_599_000);
  assert.equal(await venue.time(), 1_000_000 - 3_599_000);
  assert.equal(knocked, 1);
});

Deno.test("venue clock stops waiting when aborted, and others get their answer", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const venue = createVenueClock({
    clock: fakeClock(0),
    ask: () => promise,
    knock: () => Promise.resolve(),
  });
  const stop = new AbortController();
  const [leaving, staying] = [venue.time(stop.signal), venue.time()];
  stop.abort(new Error("enough"));
  await assert.rejects(leaving, /enough/);
  resolve(9);
  assert.equal(await staying, 9);
});
