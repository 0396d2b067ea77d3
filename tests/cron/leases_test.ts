import { deepEqual, equal, ok } from "node:assert/strict";
import { BEAT_MS } from "@/cron/beats.ts";
import { createLeases, type Leases, LOOK_AGAIN_MS } from "@/cron/leases.ts";
import type { Database } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { databaseSteps } from "@/tests/support/database_steps.ts";
import { type FakeClock, fakeClock } from "@/tests/support/fake_clock.ts";

interface Place {
  readonly leases: Leases;
  /** Of another process. */
  readonly others: Leases;
  readonly clock: FakeClock;
  readonly engine: Database["engine"];
  /** Nobody is heard of for so many seconds. */
  fallSilent(seconds: number): Promise<void>;
}

const NOBODY: ReadonlySet<string> = new Set();
const A = { source: "a", runId: "run-1" };

const STEPS: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  async "are taken by one, until it releases them"({ leases, others }) {
    equal(await leases.take(A), true);
    equal(await others.take({ source: "a", runId: "run-2" }), false);
    equal(await others.take(A), false, "not twice by the same run either");
    equal(await others.take({ source: "b", runId: "run-3" }), true);
    deepEqual(await others.holder({ name: "a" }), { ...A, isSilent: false });
    await leases.release({ ...A, runId: "run-9" });
    equal(await others.take({ source: "a", runId: "run-2" }), false, "released by a stranger");
    await leases.release(A);
    equal(await others.holder({ name: "a" }), undefined);
    equal(await others.take({ source: "a", runId: "run-2" }), true);
    equal(await leases.beat(A), false);
  },

  async "are taken by one of many that try at the same moment"({ leases, others }) {
    const takers = Array.from({ length: 8 }, (_, n) => n % 2 === 0 ? leases : others);
    const taken = await Promise.all(
      takers.map((one, n) => one.take({ source: `s${n}`, runId: `r${n}`, group: "g" })),
    );
    equal(taken.filter((is) => is).length, 1);
  },

  async "of one group are held one at a time"({ leases, others }) {
    equal(await leases.take({ ...A, group: "site" }), true);
    const b = { source: "b", runId: "run-2", group: "site" };
    equal(await others.take(b), false);
    equal((await others.holder({ name: "b", group: "site" }))?.runId, "run-1");
    equal(await others.holder({ name: "b" }), undefined);
    equal(await others.take({ source: "c", runId: "run-3", group: "other" }), true);
    await leases.release(A);
    equal(await others.take(b), true);
  },

  async "are lost after two looks that find them equally silent"(place) {
    const { leases, others, clock, fallSilent } = place;
    await leases.take(A);
    deepEqual(await others.lost(NOBODY, false), []);
    const before = Date.now();
    await fallSilent(60);
    const after = Date.now();
    equal((await others.holder({ name: "a" }))?.isSilent, true);
    deepEqual(await others.lost(NOBODY, false), [], "the first look");
    clock.advance(LOOK_AGAIN_MS - 1);
    deepEqual(await others.lost(NOBODY, false), [], "too soon");
    clock.advance(1);
    deepEqual(await others.lost(new Set(["run-1"]), false), [], "our own");
    const [lost] = await others.lost(NOBODY, false);
    equal(lost, undefined, "our own look does not count as one at a stranger");
    clock.advance(LOOK_AGAIN_MS);
    const [gone] = await others.lost(NOBODY, false);
    deepEqual([gone?.source, gone?.runId, gone?.replaces], ["a", "run-1", null]);
    const until = gone?.until ?? 0;
    ok(until >= before - 15_000 && until <= after - 15_000, "45 s after its last beat");
  },

  async "are lost no later for a clock that was a day ahead at the first look"(place) {
    const { leases, others, clock, fallSilent } = place;
    await leases.take(A);
    await fallSilent(60);
    clock.advance(86_400_000);
    deepEqual(await others.lost(NOBODY, false), []);
    clock.advance(-86_400_000);
    deepEqual(await others.lost(NOBODY, false), []);
    clock.advance(LOOK_AGAIN_MS);
    deepEqual((await others.lost(NOBODY, false)).map(({ runId }) => runId), ["run-1"]);
  },

  async "are not lost when they beat between the looks"({ leases, others, clock, fallSilent }) {
    await leases.take(A);
    await fallSilent(600);
    await others.lost(NOBODY, false);
    clock.advance(BEAT_MS);
    equal(await leases.beat(A), true);
    clock.advance(LOOK_AGAIN_MS);
    deepEqual(await others.lost(NOBODY, false), []);
    await fallSilent(60);
    deepEqual(await others.lost(NOBODY, false), [], "silent anew: that is a first look again");
  },

  async "are lost at once when they were abandoned"({ leases, others }) {
    await leases.take(A);
    await leases.abandon(A);
    const [lost] = await others.lost(NOBODY, false);
    deepEqual([lost?.runId, lost?.until], ["run-1", null]);
  },

  async "of an embedded database are lost at the start, whatever they say"(place) {
    const { leases, others, engine } = place;
    await leases.take(A);
    const lost = await others.lost(NOBODY, true);
    const all = engine === "pglite" ? [["run-1", null]] : [];
    deepEqual(lost.map(({ runId, until }) => [runId, until]), all);
  },

  async "go to one heir, which remembers whom it replaces until it is lost itself"(place) {
    const { leases, others } = place;
    await leases.take({ ...A, group: "site" });
    await leases.abandon(A);
    const [[lost], [same]] = [await leases.lost(NOBODY, false), await others.lost(NOBODY, false)];
    ok(lost && same);
    const heir = { runId: "run-2", replaces: "run-1" };
    deepEqual(
      (await Promise.all([leases.pass(lost, heir), others.pass(same, heir)])).sort(),
      [false, true],
    );
    equal(await leases.beat(A), false, "whoever comes back late is told");
    equal(await others.take({ source: "b", runId: "b", group: "site" }), false);
    await leases.abandon({ source: "a", runId: "run-2" });
    const [again] = await others.lost(NOBODY, false);
    deepEqual([again?.runId, again?.replaces], ["run-2", "run-1"]);
    ok(again);
    // The heir may keep its name: what counts is that nobody has been there since the look.
    equal(await others.pass(again, heir), true);
    equal(await leases.pass(again, heir), false);
  },

  async "are not passed on when they were heard of after the look"({ leases, others }) {
    await leases.take(A);
    await leases.abandon(A);
    const [lost] = await others.lost(NOBODY, false);
    ok(lost);
    await leases.beat(A);
    equal(await others.pass(lost, { runId: "run-2", replaces: "run-1" }), false);
    equal(await leases.beat(A), true);
  },
};

databaseSteps("leases", STEPS, async ({ database }, step) => {
  await migrate(database);
  await database.query("delete from crawler_lease");
  const clock = fakeClock(Date.UTC(2024, 4, 1));
  await step({
    ...{ clock, engine: database.engine },
    leases: createLeases(database, clock),
    others: createLeases(database, clock),
    async fallSilent(seconds) {
      await database.query(
        "update crawler_lease set beat_at = now() - $1::int * interval '1 second'",
        [seconds],
      );
    },
  });
});
