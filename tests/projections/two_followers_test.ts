import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { Projection } from "@/projections/define.ts";
import type { Follower } from "@/projections/follower.ts";
import {
  type AccountEvent,
  accountRows,
  accounts,
  appendTo,
  expectedAccounts,
  paid,
  payments,
  projectionTest,
  until,
  type World,
} from "@/tests/support/projections.ts";
import { accountEvent } from "./arbitrary_accounts.ts";

const all = { after: 0, limit: 100_000 };

/** Rows of both kinds as the log says. */
async function assertRows(world: World): Promise<void> {
  const log = await world.store.readAll(all);
  deepEqual(await accountRows(world.database), expectedAccounts(log));
  const closedAt = new Map<string, number>();
  const kept: unknown[][] = [];
  for (const { type, data, position } of log.toReversed()) {
    const id = String(data.id);
    if (type === "Closed" && !closedAt.has(id)) closedAt.set(id, position);
    if (type === "Paid" && !closedAt.has(id)) kept.unshift([position, id, data.amount]);
  }
  deepEqual(
    await world.database.values("select pos, id, amount from payments_v1 order by pos"),
    kept,
  );
}

/** Stops a projection before its first batch until it is released. */
function holdFirst(): {
  readonly before: () => Promise<void>;
  readonly entered: Promise<void>;
  readonly release: () => void;
} {
  const [entered, hold] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const before = () => {
    entered.resolve();
    return hold.promise;
  };
  return { before, entered: entered.promise, release: () => hold.resolve() };
}

async function another(world: World, projection: Projection): Promise<Follower> {
  const database = await world.again();
  return await world.follow([projection], { database, store: await world.anotherStore(database) });
}

projectionTest("two followers on one database", {
  async "neither skip nor double an event while both append"(world) {
    const other = await world.again();
    const stores = [world.store, await world.anotherStore(other)];
    const followers = [
      await world.follow([accounts(), payments()]),
      await world.follow([payments(), accounts()], {
        database: other,
        store: stores[1] ?? world.store,
      }),
    ];
    const writing = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; n < 40; n++) {
        const events: AccountEvent[] = n % 9 === 8
          ? [{ type: "Closed", data: { id: `k${n % 3}` } }]
          : [paid(`k${(writer + n) % 5}`, n), {
            type: "Moved",
            data: { from: "a", to: `k${n % 4}`, amount: 1 },
          }];
        const position = await appendTo(stores[writer % 2] ?? world.store, events);
        if (n % 5 === 0) equal(await followers[writer % 2]?.waitFor(position, 20_000), true);
      }
    });
    await Promise.all(writing);
    const head = await world.store.head();
    for (const follower of followers) equal(await follower.waitFor(head, 20_000), true);
    await assertRows(world);
  },

  async "tell their listeners when the other one moved the rows"(world) {
    const other = await world.again();
    const first = await world.follow([accounts()]);
    const second = await world.follow([accounts()], {
      ...{ database: other, store: await world.anotherStore(other) },
    });
    const revision = second.revision();
    const heard: (number | undefined)[] = [];
    second.onApplied((events) => heard.push(events?.length));
    equal(await first.waitFor(await world.append(paid("a"))), true);
    await until(() => second.revision() !== revision);
    equal(heard.length > 0, true);
    equal(await second.waitFor(1), true);
  },

  async "with other groups of members do not wait for each other for ever"(world) {
    const other = await world.again();
    const one: Projection[] = [accounts(), accounts({ name: "b" }), accounts({ name: "c" })];
    const two: Projection[] = [accounts({ name: "c" }), accounts({ name: "b" }), accounts()];
    const followers = [
      await world.follow(one),
      await world.follow(two, { database: other, store: await world.anotherStore(other) }),
    ];
    for (let n = 0; n < 60; n++) await world.append(paid(`k${n % 3}`));
    for (const follower of followers) equal(await follower.waitFor(60, 20_000), true);
    const rows = expectedAccounts(await world.store.readAll(all));
    for (const view of ["accounts_v1", "b_v1", "c_v1"]) {
      deepEqual(await accountRows(world.database, view), rows);
    }
  },

  async "one that was left behind writes nothing over what the other wrote"(world) {
    const held = holdFirst();
    const behind = await world.follow([payments(held.before)]);
    await world.append(paid("a"), paid("b"));
    await held.entered;
    try {
      const quick = await another(world, payments());
      equal(await quick.waitFor(2, 200), false);
      // It has shown nothing for so long that its process counts as gone: said until it is heard, as
      // this one goes on and shows itself each second.
      await until(async () => {
        await world.database.query(
          "update checkpoint set claimed_at = now() - interval '1 minute'",
        );
        return quick.appliedPosition() === 2;
      });
      equal(await quick.waitFor(await world.append({ type: "Closed", data: { id: "a" } })), true);
    } finally {
      held.release();
    }
    equal(await behind.waitFor(3, 20_000), true);
    deepEqual(await world.database.values("select id from payments_v1"), [["b"]]);
  },

  async "do not fill one table at once: what one has deleted does not come back"(world) {
    const [first, second] = [holdFirst(), holdFirst()];
    const followers = [await world.follow([payments(first.before)])];
    await world.append(paid("a"), { type: "Closed", data: { id: "a" } });
    await first.entered;
    let isSecondAtWork = false;
    void second.entered.then(() => isSecondAtWork = true);
    second.release();
    try {
      followers.push(await another(world, payments(second.before)));
      equal(await followers[1]?.waitFor(2, 200), false);
      equal(isSecondAtWork, false);
    } finally {
      first.release();
    }
    for (const follower of followers) equal(await follower.waitFor(2, 20_000), true);
    deepEqual(await world.database.values("select id from payments_v1"), []);
    deepEqual(await world.database.values("select claim from checkpoint"), [[null]]);
  },
}, { engines: ["postgres"] });

projectionTest("a follower that is stopped and started again at random points", {
  async "neither skips nor doubles an event"(world) {
    const lives = fc.array(
      fc.record({
        batches: fc.array(fc.array(accountEvent, { minLength: 1, maxLength: 20 }), {
          maxLength: 4,
        }),
        turns: fc.nat({ max: 60 }),
        waits: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(lives, async (all) => {
        for (const { batches, turns, waits } of all) {
          const follower = await world.follow([accounts(), payments()]);
          for (const batch of batches) await world.append(...batch);
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          if (waits) await follower.waitFor(await world.store.head(), 20_000);
          await follower.stop();
        }
        const last = await world.follow([accounts(), payments()]);
        equal(await last.waitFor(await world.store.head(), 20_000), true);
        await last.stop();
        await assertRows(world);
      }),
      { numRuns: 8 },
    );
  },
});
