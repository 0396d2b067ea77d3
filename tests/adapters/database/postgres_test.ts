import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { openPostgres } from "@/adapters/database/postgres.ts";
import { DatabaseError } from "@/events/store/database.ts";
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
    const busy = Array.from({ length: 4 }, () => database.query("select pg_sleep(30)"));
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

Deno.test("postgres that cannot be reached is a retryable failure that shows no password", async () => {
  const database = openPostgres({ url: "postgres://me:hidden@127.0.0.1:1/none", poolMax: 1 });
  await rejects(database.query("select 1"), (error) => {
    ok(error instanceof DatabaseError && error.retryable);
    ok(!`${error.message}${error.stack}`.includes("hidden"));
    return true;
  });
  await database.close();
});
