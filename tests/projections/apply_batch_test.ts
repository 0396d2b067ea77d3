import { deepEqual, equal } from "node:assert/strict";
import {
  accountRows,
  accounts,
  around,
  expectedAccounts,
  paid,
  projectionTest,
  type World,
} from "@/tests/support/projections.ts";

const LONG_MS = 60_000;

/** Appends to the account's own stream. */
async function pay({ store }: World, id: string, expected: "none" | number): Promise<number> {
  const write = { stream: `account-${id}`, expected, events: [paid(id, 5)] } as const;
  return (await store.append([write], { actor: "job:test", commandId: crypto.randomUUID() }))
    .position;
}

projectionTest("rows of one stream each", {
  async "are not looked for when their stream begins, and are when it goes on"(world) {
    const looked: string[] = [];
    const database = around(world.database, async (sql, run) => {
      if (/select .* from "accounts_v1_[ab]" where/s.test(sql) && !sql.includes("insert")) {
        looked.push(sql);
      }
      return await run();
    });
    const projection = { ...accounts(), oneStream: true } as const;
    const first = await world.follow([projection], { database });
    equal(await first.waitFor(await pay(world, "a", "none"), LONG_MS), true);
    equal(await first.waitFor(await pay(world, "a", 1), LONG_MS), true);
    equal(looked.length, 0);
    await first.stop();
    const second = await world.follow([projection], { database });
    equal(await second.waitFor(await pay(world, "a", 2), LONG_MS), true);
    equal(looked.length, 1);
    equal(await second.waitFor(await pay(world, "b", "none"), LONG_MS), true);
    equal(looked.length, 1);
    const log = await world.store.readAll({ after: 0, limit: 100 });
    deepEqual(await accountRows(world.database), expectedAccounts(log));
  },
});
