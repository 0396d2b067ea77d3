import { deepEqual, equal, match, ok } from "node:assert/strict";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Recorded } from "@/events/define.ts";
import { DatabaseError } from "@/events/store/database.ts";
import type { ProjectionStatus } from "@/projections/define.ts";
import type { Follower } from "@/projections/follower.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import {
  type AccountEvent,
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

const all = { after: 0, limit: 100_000 };
const LONG_MS = 60_000;

async function statusOf(follower: Follower, name: string): Promise<ProjectionStatus | undefined> {
  return (await follower.status()).find((status) => status.name === name);
}

async function errors({ database }: World): Promise<unknown[][]> {
  return await database.values("select name, pos, error from checkpoint order by name");
}

projectionTest("a projection that cannot take an event", {
  async "stops alone, right before it, and keeps no writer waiting"(world) {
    const refuse = ({ type, data }: Recorded<AccountEvent>) =>
      type === "Paid" && data.amount === 13 ? "13 is no amount" : undefined;
    const follower = await world.follow([accounts({ refuse }), accounts({ name: "others" })]);
    const last = await world.append(paid("a", 1), paid("b", 2), paid("a", 13), paid("b", 4));
    equal(await follower.waitFor(last, LONG_MS), false);
    equal(await follower.waitFor(last, LONG_MS, ["others"]), true);
    equal(await follower.waitFor(2, LONG_MS, ["accounts"]), true);
    const status = await statusOf(follower, "accounts");
    deepEqual([status?.status, status?.position, status?.lag], ["failed", 2, 2]);
    match(status?.lastError ?? "", /Cannot fold Paid at position 3 into accounts: 13 is no amount/);
    equal((await statusOf(follower, "others"))?.status, "live");
    const next = await world.append(paid("c", 1));
    equal(await follower.waitFor(next, LONG_MS, ["others"]), true);
    const log = await world.store.readAll(all);
    deepEqual(await accountRows(world.database), expectedAccounts(log.slice(0, 2)));
    deepEqual(await accountRows(world.database, "others_v1"), expectedAccounts(log));
    equal(follower.ready(), true);
  },

  async "is tried again at the next start, and goes on once it is mended"(world) {
    const refuse = () => "out of order";
    const first = await world.follow([accounts({ refuse })]);
    equal(await first.waitFor(await world.append(paid("a"), paid("b")), LONG_MS), false);
    match(String((await errors(world))[0]?.[2]), /out of order/);
    await first.stop();
    const still = await world.follow([accounts({ refuse })]);
    equal(await still.waitFor(2, LONG_MS), false);
    equal((await statusOf(still, "accounts"))?.status, "failed");
    await still.stop();
    const mended = await world.follow([accounts()]);
    equal(await mended.waitFor(2, LONG_MS), true);
    deepEqual(await errors(world), [["accounts@1", 2, null]]);
    deepEqual((await accountRows(world.database)).length, 2);
  },

  async "is tried again every minute, and seen to have been mended by another instance"(world) {
    const clock = fakeClock(0);
    let broken = true;
    const refuse = () => broken ? "not yet" : undefined;
    const follower = await world.follow([accounts({ refuse })], { clock });
    equal(await follower.waitFor(await world.append(paid("a")), LONG_MS), false);
    broken = false;
    clock.advance(59_000);
    equal(await follower.waitFor(1, LONG_MS), false);
    clock.advance(1_000);
    await until(() => follower.appliedPosition() === 1);
    broken = true;
    equal(await follower.waitFor(await world.append(paid("b")), LONG_MS), false);
    const elsewhere = await world.follow([accounts()], { database: await world.again() });
    equal(await elsewhere.waitFor(2, LONG_MS), true);
    clock.advance(LONG_MS);
    await until(async () => (await statusOf(follower, "accounts"))?.status === "live");
    equal((await accountRows(world.database)).length, 2);
  },

  async "is tried again a minute later although the clock was set back meanwhile"(world) {
    const timer = fakeClock(7_200_000);
    let [broken, setBackMs] = [true, 0];
    const clock = { now: () => timer.now() - setBackMs, sleep: timer.sleep };
    const refuse = () => broken ? "not yet" : undefined;
    const follower = await world.follow([accounts({ refuse })], { clock });
    equal(await follower.waitFor(await world.append(paid("a")), LONG_MS), false);
    broken = false;
    setBackMs = 3_600_000;
    timer.advance(60_000);
    await until(() => follower.appliedPosition() === 1);
  },

  async "is found in a batch when only the database refuses its row"(world) {
    const follower = await world.follow([accounts(), payments()]);
    // More than a column of type integer holds, in the middle of what is folded at once.
    const events = Array.from({ length: 40 }, (_, n) => paid(`k${n}`, n === 23 ? 2 ** 40 : n));
    equal(await follower.waitFor(await world.append(...events), LONG_MS), false);
    equal(await follower.waitFor(40, LONG_MS, ["accounts"]), true);
    const status = await statusOf(follower, "payments");
    deepEqual([status?.status, status?.position], ["failed", 23]);
    match(status?.lastError ?? "", /out of range/);
    const [count] = await world.database.values("select count(*)::int from payments_v1");
    deepEqual(count, [23]);
  },
});

projectionTest("trouble of the world", {
  async "is waited out and shown while it lasts; nothing is skipped or doubled"(world) {
    const clock = fakeClock(0);
    let [down, seen] = [false, 0];
    const database = around(world.database, (_sql, run) => {
      if (!down) return run();
      seen++;
      return Promise.reject(new DatabaseError("the connection is lost", {}));
    });
    const follower = await world.follow([accounts(), payments()], { database, clock });
    await follower.waitFor(await world.append(paid("a")));
    down = true;
    const last = await world.append(paid("a"), paid("b"));
    await until(() => seen > 0);
    await until(async () => (await statusOf(follower, "accounts"))?.lastError !== undefined);
    const status = await statusOf(follower, "accounts");
    deepEqual([status?.status, status?.lastError], ["behind", "the connection is lost"]);
    for (let waited = 0; waited < 10; waited++) {
      const before = seen;
      clock.advance(20_000);
      await until(() => seen > before);
    }
    down = false;
    clock.advance(10_000);
    equal(await follower.waitFor(last, LONG_MS), true);
    equal((await statusOf(follower, "accounts"))?.lastError, undefined);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },

  async "an answer that is lost after the commit does not fold a batch twice"(world) {
    let lose = 0;
    const database = around(world.database, async (sql, run) => {
      const answer = await run();
      if (sql.startsWith("with led") && lose-- > 0) {
        throw new DatabaseError("the connection is lost", {});
      }
      return answer;
    });
    const follower = await world.follow([accounts(), payments()], { database });
    for (let n = 0; n < 10; n++) {
      lose = n % 3;
      equal(await follower.waitFor(await world.append(paid("a"), paid("b")), LONG_MS), true);
    }
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
  },

  async "of one projection's own store leaves the others alone"(world) {
    const clock = fakeClock(0);
    let reachable = false;
    const before = () =>
      reachable ? Promise.resolve() : Promise.reject(
        new AdapterError("Cannot read a blob", { port: "blobs", op: "get", retryable: true }),
      );
    const follower = await world.follow([accounts(), payments(before)], { clock });
    const last = await world.append(paid("a"), paid("b"));
    equal(await follower.waitFor(last, LONG_MS, ["accounts"]), true);
    await until(async () => (await statusOf(follower, "payments"))?.lastError !== undefined);
    equal(await follower.waitFor(last, 1), false);
    const status = await statusOf(follower, "payments");
    deepEqual([status?.status, status?.lastError], ["behind", "Cannot read a blob"]);
    reachable = true;
    clock.advance(10_000);
    equal(await follower.waitFor(last, LONG_MS), true);
    equal((await statusOf(follower, "payments"))?.lastError, undefined);
  },

  async "a checkpoint that vanished is shown, not run after"(world) {
    let statements = 0;
    const database = around(world.database, (_sql, run) => {
      statements++;
      return run();
    });
    const clock = fakeClock(0);
    const follower = await world.follow([accounts()], { database, clock });
    await follower.waitFor(await world.append(paid("a")));
    await world.database.query("delete from checkpoint");
    const last = await world.append(paid("a"));
    // It sleeps beside the poll: asked for its status until then, it would be the test that counts.
    await until(() => clock.sleepers().length === 2);
    ok(statements < 30, `${statements} statements`);
    match((await statusOf(follower, "accounts"))?.lastError ?? "", /accounts@1 is missing/);
    equal(await follower.waitFor(last, 1), false);
  },
});

projectionTest("lost backends", {
  async "neither skip nor double an event, whenever they die"(world) {
    const own = await world.again();
    const store = await world.anotherStore(own);
    const follower = await world.follow([accounts(), payments()], {
      database: own,
      store,
      pollMs: 20,
    });
    let [last, killed, n] = [0, 0, 0];
    // On a fast day the follower may be between two statements each time: then a while longer.
    for (; n < 40 || (killed === 0 && n < 4_000); n++) {
      last = await world.append(paid("a", n), paid(`k${n % 7}`, 1));
      if (n % 4 !== 3) continue;
      // Those that followed; the log's own stay.
      const gone = await world.database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query like 'with led%'`,
      );
      killed += gone.length;
    }
    equal(await follower.waitFor(last, 20_000), true);
    ok(killed > 0);
    deepEqual(await accountRows(world.database), expectedAccounts(await world.store.readAll(all)));
    const [count] = await world.database.values("select count(*)::int from payments_v1");
    deepEqual(count, [2 * n]);
  },
}, { engines: ["postgres"] });
