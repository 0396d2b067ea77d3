import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { openPostgres } from "@/adapters/database/postgres.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { eventually } from "../../events/store/open_log.ts";
import { startCluster } from "../../support/postgres_cluster.ts";

const server = Deno.env.get("TEST_DATABASE_URL");

Deno.test({
  name: "postgres recovers by itself after the server was restarted under load",
  ignore: server === undefined,
  async fn() {
    const cluster = await startCluster();
    const database = openPostgres({ url: cluster.url, poolMax: 4 });
    const gap = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<string>();
    const unlisten = await database.listen("news", heard.resolve, gap.resolve);
    const busy = Array.from({ length: 4 }, () => database.query("select pg_sleep(100)"));
    const ended = Promise.allSettled(busy);
    await database.query("select 1").catch(() => {});
    await cluster.restart();
    for (const outcome of await ended) {
      ok(outcome.status === "rejected" && outcome.reason instanceof DatabaseError);
      equal(outcome.reason.retryable, true);
    }
    deepEqual(await database.query("select 1 as one"), [{ one: 1 }]);
    await gap.promise;
    await database.query("select pg_notify('news', 'again')");
    equal(await heard.promise, "again");
    await unlisten();
    await database.close();
    await cluster.stop();
  },
});

Deno.test({
  name: "postgres survives the end of its backend in the middle of a transaction",
  ignore: server === undefined,
  async fn() {
    const database = openPostgres({ url: server ?? "", poolMax: 3 });
    const suicide = database.transaction([
      { sql: "select 1" },
      { sql: "select pg_terminate_backend(pg_backend_pid())" },
      { sql: "select 2" },
    ]);
    await rejects(suicide, (error) => error instanceof DatabaseError && error.retryable);
    deepEqual(await database.query("select 1 as one"), [{ one: 1 }]);
    await database.close();
  },
});

/** What a pool of this name has open, seen by another connection. */
async function connections(name: string): Promise<number[]> {
  const watcher = openPostgres({ url: server ?? "", poolMax: 1 });
  try {
    const rows = await watcher.query(
      "select pid from pg_stat_activity where application_name = $1 order by pid",
      [name],
    );
    return rows.map(({ pid }) => Number(pid));
  } finally {
    await watcher.close();
  }
}

const FOUR = Array.from({ length: 4 }, () => "select pg_sleep(0.05), pg_backend_pid() as pid");

Deno.test({
  name:
    "postgres ends a statement after the statement timeout, and says that it may be tried again",
  ignore: server === undefined,
  async fn() {
    const database = openPostgres({ url: server ?? "", poolMax: 1, statementTimeoutMs: 1_000 });
    await rejects(database.query("select pg_sleep(30)"), (error) => {
      ok(error instanceof DatabaseError);
      deepEqual([error.sqlstate, error.retryable], ["57014", true]);
      return true;
    });
    deepEqual(await database.query("select 1 as one"), [{ one: 1 }]);
    await database.close();
  },
});

Deno.test({
  name: "postgres opens at most poolMax connections, and closes idle ones down to poolMin",
  ignore: server === undefined,
  async fn() {
    const applicationName = `idle-${crypto.randomUUID()}`;
    const pool = { poolMin: 1, poolMax: 2, idleTimeoutMs: 50 };
    const database = openPostgres({ url: server ?? "", applicationName, ...pool });
    const rows = await Promise.all(FOUR.map((sql) => database.query(sql)));
    equal(new Set(rows.flat().map(({ pid }) => pid)).size, 2);
    await eventually(async () => (await connections(applicationName)).length === 1);
    await database.close();
    await eventually(async () => (await connections(applicationName)).length === 0);
  },
});

Deno.test({
  name: "postgres replaces a connection after recycleS",
  ignore: server === undefined,
  async fn() {
    const applicationName = `recycled-${crypto.randomUUID()}`;
    const database = openPostgres({ url: server ?? "", applicationName, poolMax: 1, recycleS: 3 });
    const pidOf = async () => (await database.query("select pg_backend_pid() as pid"))[0]?.pid;
    const first = await pidOf();
    equal(await pidOf(), first);
    await eventually(async () => await pidOf() !== first);
    // Its server takes leave of it by itself.
    await eventually(async () => !(await connections(applicationName)).includes(Number(first)));
    await database.close();
  },
});

Deno.test("postgres that cannot be reached is a retryable failure that shows no password", async () => {
  const database = openPostgres({ url: "postgres://me:hidden@127.0.0.1:1/none", poolMax: 1 });
  await rejects(database.query("select 1"), (error) => {
    ok(error instanceof DatabaseError && error.retryable);
    ok(!`${error.message}${error.stack}`.includes("hidden"));
    return true;
  });
  await database.close();
});
