import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Recorded } from "@/events/define.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import {
  accountRows,
  accounts,
  expectedAccounts,
  paid,
  payments,
  projectionTest,
  until,
  type World,
} from "@/tests/support/projections.ts";

const all = { after: 0, limit: 100_000 };
/** For thousands of rows, written one by one. */
const LONG_MS = 60_000;

projectionTest("follower", {
  async "shows what was appended before the start and since, in rows and in views"(world) {
    await world.append(paid("a", 5), paid("b", 7), { type: "Closed", data: { id: "b" } });
    const follower = await world.follow([accounts(), payments()]);
    const last = await world.append(
      { type: "Moved", data: { from: "a", to: "c", amount: 2 } },
      { type: "Moved", data: { from: "c", to: "c", amount: 1 } },
      paid("b", 1),
    );
    equal(await follower.waitFor(last), true);
    const rows = await accountRows(world.database);
    deepEqual(rows, expectedAccounts(await world.store.readAll(all)));
    deepEqual(rows.map(({ id, balance }) => [id, balance]), [["a", 3], ["b", 1], ["c", 1]]);
    deepEqual(
      await world.database.values("select id, amount from payments_v1 order by pos"),
      [["a", 5], ["b", 1]],
    );
  },

  async "moves the checkpoint past events that concern nobody"(world) {
    const follower = await world.follow([accounts(), payments()]);
    const last = await world.append({ type: "Idled", data: {} }, { type: "Idled", data: {} });
    equal(await follower.waitFor(last), true);
    deepEqual(
      await world.database.values("select name, pos, side from checkpoint order by name"),
      [["accounts@1", last, "a"], ["payments@1", last, "a"]],
    );
    equal(follower.appliedPosition(), last);
  },

  async "reads nothing from the log that this process has just appended"(world) {
    const { store, reads } = notingReads(world);
    const follower = await world.follow([accounts(), payments()], { store, clock: fakeClock(0) });
    await until(() => reads.length === 1);
    // What it found at its start would make it look for more.
    deepEqual(await reads[0], []);
    for (let n = 0; n < 20; n++) await follower.waitFor(await world.append(paid("a")));
    equal(reads.length, 1);
    equal((await accountRows(world.database))[0]?.events, 20);
  },

  async "waits for what is not there only as long as it is told"(world) {
    const follower = await world.follow([accounts()]);
    equal(await follower.waitFor(1, 5), false);
    await world.append(paid("a"));
    equal(await follower.waitFor(1), true);
    const waiting = follower.waitFor(99, 60_000);
    await follower.stop();
    equal(await waiting, false);
    equal(await follower.waitFor(99, 60_000), false);
  },

  async "tells its listeners the events in order, and goes on when one of them throws"(world) {
    const heard: number[] = [];
    const follower = await world.follow([accounts()]);
    follower.onApplied(() => {
      throw new Error("a listener's own trouble");
    });
    follower.onApplied((events) => heard.push(...(events ?? []).map(({ position }) => position)));
    const revisions = [follower.revision()];
    for (const id of ["a", "b", "a"]) {
      equal(await follower.waitFor(await world.append(paid(id))), true);
      revisions.push(follower.revision());
    }
    deepEqual(heard, [1, 2, 3]);
    equal(new Set(revisions).size, 4);
    equal((await follower.status())[0]?.status, "live");
  },

  async "loses no wake-up, whenever in a pass an append comes"(world) {
    // No poll comes: a lost wake-up would be seen as false.
    const follower = await world.follow([accounts()], { clock: fakeClock(0) });
    for (let n = 1; n <= 200; n++) {
      const position = await world.append(paid("a"));
      for (let turn = n % 7; turn > 0; turn--) await Promise.resolve();
      equal(await follower.waitFor(position), true);
    }
    equal((await accountRows(world.database))[0]?.events, 200);
  },

  async "is ready once everything there was at the start is shown, and stays so"(world) {
    for (let n = 0; n < 30; n++) {
      await world.append(...Array.from({ length: 100 }, () => paid("a")));
    }
    const follower = await world.follow([accounts(), payments()]);
    equal(follower.ready(), false);
    equal(await follower.waitFor(3_000, LONG_MS), true);
    equal(follower.ready(), true);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },

  async "a projection that joins late catches up while the others go on"(world) {
    const first = await world.follow([accounts()]);
    await first.waitFor(await world.append(...Array.from({ length: 256 }, () => paid("a"))));
    for (let n = 0; n < 10; n++) {
      await world.append(...Array.from({ length: 256 }, () => paid("b")));
    }
    equal(await first.waitFor(2_816, LONG_MS), true);
    await first.stop();
    const both = await world.follow([accounts(), accounts({ version: 2 })]);
    equal(both.ready(), false);
    const last = await world.append(paid("c"));
    equal(await both.waitFor(last, 20_000), true);
    equal(both.ready(), true);
    const rows = await accountRows(world.database);
    deepEqual(rows, expectedAccounts(await world.store.readAll(all)));
    deepEqual(await accountRows(world.database, "accounts_v2"), rows);
  },

  async "one that is far behind does not keep writers from seeing the others"(world) {
    for (let n = 0; n < 5; n++) await world.append(...Array.from({ length: 256 }, () => paid("a")));
    const [ahead, held] = [await world.follow([accounts()]), Promise.withResolvers<void>()];
    equal(await ahead.waitFor(1_280, LONG_MS), true);
    await ahead.stop();
    const follower = await world.follow([accounts(), payments(() => held.promise)]);
    const last = await world.append(paid("b"));
    held.resolve();
    equal(await follower.waitFor(last, LONG_MS, ["accounts"]), true);
    equal(await follower.waitFor(last, LONG_MS), true);
  },

  async "many rows on their way keep nobody from seeing the others, and all meet again"(world) {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const heavy = payments(async (events) => {
      if (events.length < 600) return;
      begun.resolve();
      await gate.promise;
    });
    const follower = await world.follow([accounts(), { ...heavy, weight: () => 2 }]);
    await world.append(...Array.from({ length: 600 }, () => paid("a")));
    await begun.promise;
    let last = 0;
    try {
      for (let n = 0; n < 20; n++) {
        last = await world.append(paid("b"));
        equal(await follower.waitFor(last, 20_000, ["accounts"]), true);
        equal(await follower.waitFor(last, 0), false);
      }
      deepEqual((await accountRows(world.database)).map(({ events }) => events), [600, 20]);
    } finally {
      gate.resolve();
    }
    equal(await follower.waitFor(last, 20_000), true);
    deepEqual(
      (await follower.status()).map(({ name, position, lag }) => [name, position, lag]),
      [["accounts", last, 0], ["payments", last, 0]],
    );
    deepEqual(await world.database.values("select count(*)::int from payments_v1"), [[620]]);
  },

  async "stops only when the rows on their way are written"(world) {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const heavy = payments(async () => {
      begun.resolve();
      await gate.promise;
    });
    const follower = await world.follow([{ ...heavy, weight: () => 2_000 }]);
    await world.append(paid("a"));
    await begun.promise;
    let stopped = false;
    const stopping = follower.stop().then(() => stopped = true);
    await world.append(paid("b"));
    equal(stopped, false);
    gate.resolve();
    await stopping;
    deepEqual(
      await world.database.values("select pos from checkpoint where name = 'payments@1'"),
      [[1]],
    );
  },

  async "shows how far everybody is, and 404s names that it does not know"(world) {
    const follower = await world.follow([accounts()], { clock: fakeClock(0) });
    await follower.waitFor(await world.append(paid("a")));
    deepEqual(await follower.status(), [{
      ...{ name: "accounts", version: 1, status: "live", position: 1, lag: 0 },
      ...{ progress: undefined, lastError: undefined },
    }]);
    await rejects(follower.rebuild("nothing", {}), RangeError);
  },

  async "keeps rows that its memory pushed out right"(world) {
    const follower = await world.follow([accounts()]);
    const id = (n: number) => `k${String(n).padStart(5, "0")}`;
    // More rows than are remembered; then the oldest, which each new one pushes out further.
    for (let n = 0; n < 10_240; n += 256) {
      await world.append(...Array.from({ length: 256 }, (_, i) => paid(id(n + i))));
    }
    equal(await follower.waitFor(10_240, LONG_MS), true);
    for (let n = 0; n < 300; n += 3) {
      await world.append(paid(`new${n}`), paid(id(n + 240)), paid(id(n + 241)));
      if (n % 30 === 0) await follower.waitFor(await world.store.head());
    }
    ok(await follower.waitFor(await world.store.head(), LONG_MS));
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },
});

projectionTest("follower, told while it finds nothing", {
  async "of an event by its own process, goes on at once"(world) {
    const follower = await world.follow([accounts()], {
      store: { ...world.store, readAll: appendingOnce(world) },
    });
    await until(() => follower.appliedPosition() === 1);
  },

  async "that another process appended, reads again at once"(world) {
    const store = {
      ...world.store,
      readAll: appendingOnce(world),
      subscribe: (listener: (events: readonly Recorded[]) => void) =>
        world.store.subscribe(() => listener([])),
    };
    const follower = await world.follow([accounts()], { store });
    await until(() => follower.appliedPosition() === 1);
  },
});

/** Its store, and what each page read through it held. */
function notingReads({ store }: World): { store: typeof store; reads: Promise<unknown>[] } {
  const reads: Promise<unknown>[] = [];
  const readAll: typeof store.readAll = (options) => {
    const read = store.readAll(options);
    reads.push(read);
    return read;
  };
  return { store: { ...store, readAll }, reads };
}

/** Reads as always, and appends an event after the first read, before its answer is given. */
function appendingOnce({ store, append }: World): typeof store.readAll {
  let done = false;
  return async (options) => {
    const page = await store.readAll(options);
    if (!done) {
      done = true;
      await append(paid("a"));
    }
    return page;
  };
}

projectionTest("follower without notifications", {
  async "finds by its slow poll what another process has appended"(world) {
    const clock = fakeClock(0);
    const { store, reads } = notingReads(world);
    const deaf = { ...store, subscribe: () => () => {} };
    const follower = await world.follow([accounts()], { store: deaf, clock, pollMs: 1_000 });
    await until(() => reads.length === 1);
    // What it found at its start needs no poll.
    deepEqual(await reads[0], []);
    await world.append(paid("a"));
    equal(follower.appliedPosition(), 0);
    clock.advance(1_000);
    await until(() => follower.appliedPosition() === 1);
    equal((await accountRows(world.database)).length, 1);
  },
});
