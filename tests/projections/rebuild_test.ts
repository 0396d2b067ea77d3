import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { Progress } from "@/domain/ports/progress.ts";
import { DatabaseError } from "@/events/store/database.ts";
import {
  accountRows,
  accounts,
  around,
  expectedAccounts,
  paid,
  payments,
  projectionTest,
  until,
  type World,
} from "@/tests/support/projections.ts";
import { accountEvent } from "./arbitrary_accounts.ts";

const all = { after: 0, limit: 100_000 };

/** Over all rows and columns, as the view shows them. */
async function checksum({ database }: World, view: string): Promise<unknown> {
  const [row] = await database.values(
    `select md5(coalesce(string_agg(md5(v::text), '' order by v::text), '')), count(*)::int
     from ${view} v`,
  );
  return row;
}

async function sides({ database }: World): Promise<unknown[][]> {
  return await database.values("select name, pos, side, error from checkpoint order by name");
}

projectionTest("rebuild", {
  async "ends where an older program has left a function of other arguments"(world) {
    // The first one: a statement that was prepared before knows what it calls.
    await world.database.script(`create function projection_swap(text, bigint, text, text, text)
      returns boolean language sql as 'select true'`);
    const follower = await world.follow([accounts()]);
    await follower.waitFor(await world.append(paid("a"), paid("b")), 20_000);
    await follower.rebuild("accounts", {});
    equal((await accountRows(world.database)).length, 2);
    deepEqual((await sides(world)).map(([, , side]) => side), ["b"]);
  },

  async "gives the same rows as following, for any events in any batches"(world) {
    const batches = fc.array(fc.array(accountEvent, { minLength: 1, maxLength: 30 }), {
      ...{ minLength: 1, maxLength: 6 },
    });
    const follower = await world.follow([accounts(), payments()]);
    let sidesUsed = 0;
    await fc.assert(
      fc.asyncProperty(batches, async (batches) => {
        for (const batch of batches) await world.append(...batch);
        const head = await world.store.head();
        equal(await follower.waitFor(head, 20_000), true);
        for (const name of ["accounts", "payments"]) {
          const before = await checksum(world, `${name}_v1`);
          const { events } = await follower.rebuild(name, {});
          equal(events, head);
          deepEqual(await checksum(world, `${name}_v1`), before);
        }
        sidesUsed++;
        deepEqual(
          (await sides(world)).map(([, pos, side]) => [pos, side]),
          Array(2).fill([head, sidesUsed % 2 === 0 ? "a" : "b"]),
        );
      }),
      { numRuns: 8 },
    );
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },

  async "shows readers all rows at every moment, while others append"(world) {
    const follower = await world.follow([accounts(), payments()]);
    for (let n = 0; n < 2; n++) {
      await world.append(...Array.from({ length: 250 }, (_, i) => paid(`k${i}`, 1)));
    }
    await follower.waitFor(500, 20_000);
    let [done, reads] = [false, 0];
    async function read(): Promise<void> {
      for (let seen = 500; !done;) {
        const [row] = await world.database.values(
          `select (select sum(events)::int from accounts_v1), (select count(*)::int from payments_v1)`,
        );
        const [events = 0, rows = 0] = (row ?? []).map(Number);
        // Every event adds one to each; neither goes back, and none is missing.
        ok(events >= seen, `${events} after ${seen}`);
        ok(rows >= 500, `${rows} payments`);
        seen = events;
        reads++;
      }
    }
    async function write(): Promise<void> {
      while (!done) {
        equal(await follower.waitFor(await world.append(paid("k1", 1)), 20_000), true);
      }
    }
    const others = Promise.all([read(), read(), write()]);
    for (let round = 0; round < 2; round++) {
      await Promise.all([follower.rebuild("accounts", {}), follower.rebuild("payments", {})]);
    }
    done = true;
    await others;
    ok(reads > 10, `${reads} reads`);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
    const [count] = await world.database.values("select count(*)::int from payments_v1");
    deepEqual(count, [await world.store.head()]);
  },

  async "ends while eight others append without waiting for the read models"(world) {
    const follower = await world.follow([accounts()]);
    let done = false;
    async function write(n: number): Promise<void> {
      while (!done) await world.append(paid(`k${n}`), paid("all"));
    }
    const writers = Promise.all(Array.from({ length: 8 }, (_, n) => write(n)));
    try {
      await follower.rebuild("accounts", { signal: AbortSignal.timeout(30_000) });
    } finally {
      done = true;
      await writers;
    }
    const head = await world.store.head();
    equal(await follower.waitFor(head, 20_000), true);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
    deepEqual(await sides(world), [["accounts@1", head, "b", null]]);
  },

  async "ends though the log and the live side move on with each of its reads"(world) {
    let [rebuilding, reads] = [false, 0];
    const readAll: typeof world.store.readAll = async (query) => {
      const events = await world.store.readAll(query);
      if (rebuilding) {
        reads++;
        await follower.waitFor(await world.append(paid("a")), 100);
      }
      return events;
    };
    const follower = await world.follow([accounts()], { store: { ...world.store, readAll } });
    await follower.waitFor(await world.append(paid("a")));
    rebuilding = true;
    await follower.rebuild("accounts", { signal: AbortSignal.timeout(30_000) });
    rebuilding = false;
    ok(reads < 20, `${reads} reads`);
    const head = await world.store.head();
    equal(await follower.waitFor(head, 20_000), true);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
    deepEqual(await sides(world), [["accounts@1", head, "b", null]]);
  },

  async "keeps the secondary indexes, and frees the side that it left"(world) {
    const follower = await world.follow([accounts()]);
    await follower.waitFor(await world.append(paid("a"), paid("b")));
    await follower.rebuild("accounts", {});
    const indexes = await world.database.values(
      `select tablename, indexname from pg_indexes where tablename like 'accounts%' order by 2`,
    );
    deepEqual(indexes, [
      ["accounts_v1_a", "accounts_v1_a_pkey"],
      ["accounts_v1_b", "accounts_v1_b_pkey"],
      ["accounts_v1_b", "accounts_v1_balance_b"],
    ]);
    deepEqual(await world.database.values("select count(*)::int from accounts_v1_a"), [[0]]);
    deepEqual(await sides(world), [["accounts@1", 2, "b", null]]);
    await follower.stop();
    const again = await world.follow([accounts()]);
    equal(await again.waitFor(await world.append(paid("a"))), true);
    equal((await accountRows(world.database))[0]?.events, 2);
  },

  async "tells how far it is, and ends when asked, leaving the rows as they were"(world) {
    const follower = await world.follow([accounts()]);
    for (let n = 0; n < 30; n++) {
      await world.append(...Array.from({ length: 200 }, (_, i) => paid(`k${i}`)));
    }
    await follower.waitFor(6_000, 20_000);
    const before = await checksum(world, "accounts_v1");
    const abort = new AbortController();
    const told: string[] = [];
    const progress: Progress = {
      start: (label, { unit, total }) => told.push(`${label}: ${total} ${unit}`),
      advance(by) {
        told.push(`+${by}`);
        abort.abort(new Error("enough"));
      },
      ...{ total() {}, note() {}, finish: () => told.push("end") },
    };
    await rejects(follower.rebuild("accounts", { signal: abort.signal, progress }), /enough/);
    deepEqual(told, ["rebuild accounts: 6000 events", "+5000", "end"]);
    deepEqual(await checksum(world, "accounts_v1"), before);
    deepEqual(await sides(world), [["accounts@1", 6_000, "a", null]]);
    equal((await follower.status())[0]?.status, "live");
    await follower.rebuild("accounts", {});
    deepEqual(await checksum(world, "accounts_v1"), before);
  },

  async "that died half-way leaves the live side, and the next one starts anew"(world) {
    const follower = await world.follow([accounts()]);
    await follower.waitFor(await world.append(paid("a", 1), paid("b", 2)));
    // As a process leaves it that was killed: half a side, an old checkpoint.
    await world.database.script(
      `insert into accounts_v1_b select 'ghost', 9, 9, 9, now(), '[]';
       insert into accounts_v1_b select * from accounts_v1_a where id = 'a';
       insert into checkpoint (name, pos, side) values ('accounts@1/rebuild', 1, 'b');`,
    );
    const [status] = await follower.status();
    deepEqual([status?.status, status?.progress], ["rebuilding", 0.5]);
    equal(await follower.waitFor(await world.append(paid("a", 3))), true);
    const rows = expectedAccounts(await world.store.readAll(all));
    deepEqual(await accountRows(world.database), rows);
    await follower.rebuild("accounts", {});
    deepEqual(await accountRows(world.database), rows);
    deepEqual(await sides(world), [["accounts@1", 3, "b", null]]);
  },

  async "replaces a projection that stopped, behind the others as it is"(world) {
    let broken = true;
    const refuse = () => broken ? "not a number" : undefined;
    const follower = await world.follow([accounts({ refuse }), payments()]);
    const last = await world.append(paid("a"), paid("b"));
    equal(await follower.waitFor(last, 60_000), false);
    await rejects(follower.rebuild("accounts", {}), /Cannot fold Paid at position 1/);
    match((await follower.status())[0]?.lastError ?? "", /not a number/);
    broken = false;
    await follower.rebuild("accounts", {});
    deepEqual((await follower.status()).map(({ status }) => status), ["live", "live"]);
    deepEqual(await sides(world), [["accounts@1", last, "b", null], [
      "payments@1",
      last,
      "a",
      null,
    ]]);
    equal(await follower.waitFor(await world.append(paid("a"))), true);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },

  async "of a raised version fills tables of its own beside the old ones"(world) {
    const old = await world.follow([accounts()]);
    await old.waitFor(await world.append(paid("a", 1), paid("b", 2)));
    const raised = await world.follow([accounts({ version: 2, factor: 10 })], {
      database: await world.again(),
    });
    equal(await raised.waitFor(2, 20_000), true);
    const last = await world.append(paid("a", 3));
    equal(await old.waitFor(last, 20_000) && await raised.waitFor(last, 20_000), true);
    const balances = (rows: readonly { balance: number }[]) => rows.map(({ balance }) => balance);
    deepEqual(balances(await accountRows(world.database)), [4, 2]);
    deepEqual(balances(await accountRows(world.database, "accounts_v2")), [40, 20]);
  },

  async "waits out lost connections and lost answers"(world) {
    let lose = false;
    let [lost, n] = [0, 0];
    const database = around(world.database, async (_sql, run) => {
      const [before, after] = [lose && n++ % 5 === 2, lose && n % 7 === 3];
      if (before || after) lost++;
      if (before) throw new DatabaseError("the connection is lost", {});
      const answer = await run();
      if (after) throw new DatabaseError("the answer is lost", {});
      return answer;
    });
    const follower = await world.follow([accounts(), payments()], { database });
    await follower.waitFor(await world.append(paid("a"), paid("b")));
    for (let round = 0; round < 3; round++) {
      lose = true;
      await world.append(paid("a"));
      await follower.rebuild("accounts", {});
      lose = false;
    }
    ok(lost > 5, `${lost} lost`);
    equal(await follower.waitFor(await world.store.head(), 20_000), true);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },

  async "ends with the follower"(world) {
    const entered = Promise.withResolvers<void>();
    let during = false;
    const held = Promise.withResolvers<void>();
    const follower = await world.follow([payments(async () => {
      if (!during) return;
      entered.resolve();
      await held.promise;
    })]);
    await follower.waitFor(await world.append(paid("a")));
    during = true;
    const rebuilt = rejects(follower.rebuild("payments", {}), /The follower stops/);
    await entered.promise;
    const stopped = follower.stop();
    held.resolve();
    await stopped;
    await rebuilt;
    deepEqual(await sides(world), [["payments@1", 1, "a", null]]);
    deepEqual(await world.database.values("select id from payments_v1"), [["a"]]);
  },
});

projectionTest("rebuilds by two instances", {
  async "of one projection: the later one wins, readers see all rows throughout"(world) {
    const database = await world.again();
    const followers = [
      await world.follow([accounts()]),
      await world.follow([accounts()], { database, store: await world.anotherStore(database) }),
    ];
    for (let n = 0; n < 10; n++) {
      await world.append(...Array.from({ length: 250 }, (_, i) => paid(`k${i % 97}`)));
    }
    for (const follower of followers) equal(await follower.waitFor(2_500, 20_000), true);
    let done = false;
    const reading = (async () => {
      while (!done) {
        const [row] = await world.database.values("select sum(events)::int from accounts_v1");
        equal(Number(row?.[0]) >= 2_500, true);
      }
    })();
    for (let round = 0; round < 6; round++) {
      const outcomes = await Promise.allSettled(followers.map((f) => f.rebuild("accounts", {})));
      const lost = outcomes.filter(({ status }) => status === "rejected");
      ok(lost.length < 2, JSON.stringify(lost));
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") match(String(outcome.reason), /another rebuild/);
      }
    }
    done = true;
    await reading;
    const last = await world.append(paid("k1"));
    for (const follower of followers) equal(await follower.waitFor(last, 20_000), true);
    await until(async () => (await sides(world)).length === 1);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },
}, { engines: ["postgres"] });
