import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createSpaceGuard, MIN_FREE_BYTES } from "@/adapters/database/disk_space.ts";
import { openPglite } from "@/adapters/database/pglite.ts";
import { OtherPostgresVersion } from "@/adapters/database/pglite_folder.ts";
import { createUpkeep } from "@/adapters/database/pglite_upkeep.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { startPglite } from "@/tests/support/embedded.ts";
import { copyPristine } from "@/tests/support/place.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("pglite makes every commit durable and keeps it over a close", () =>
  inFolder(async (folder) => {
    await copyPristine(`${folder}/data`);
    const dataDir = `${folder}/data/db`;
    const first = await openPglite({ dataDir });
    await first.script("create table t (id int)");
    const before = await first.fsyncs();
    for (let id = 0; id < 20; id++) await first.query("insert into t values ($1)", [id]);
    const syncs = await first.fsyncs() - before;
    ok(syncs >= 20, `${syncs} fsyncs for 20 commits`);
    await first.close();
    const second = await openPglite({ dataDir });
    deepEqual(await second.query("select count(*) as n from t"), [{ n: 20 }]);
    await second.close();
  }));

Deno.test("pglite keeps other users out of its directory", () =>
  inFolder(async (folder) => {
    const database = await openPglite({ dataDir: `${folder}/data/db` });
    const { mode } = await Deno.stat(`${folder}/data`);
    equal((mode ?? 0) & 0o777, 0o700);
    await database.close();
  }));

Deno.test("pglite refuses a directory of another PostgreSQL and says what to do", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/db`);
    await Deno.writeTextFile(`${folder}/db/PG_VERSION`, "15\n");
    await rejects(openPglite({ dataDir: `${folder}/db` }), (error) => {
      ok(error instanceof OtherPostgresVersion);
      ok(error.message.includes("PostgreSQL 15"));
      return true;
    });
  }));

Deno.test("pglite's watchdog tells of a statement that does not end", async () => {
  const fatal = Promise.withResolvers<string>();
  // What the start itself asks has to end within it.
  const database = await startPglite({ watchdogMs: 2_000, onFatal: fatal.resolve });
  // Nothing stops it, and it keeps a processor busy until it ends.
  const running = database.query("select pg_sleep(10)");
  running.catch(() => {});
  ok((await fatal.promise).includes("has run for more than"));
  await rejects(running, DatabaseError);
  await rejects(database.query("select 1"), DatabaseError);
});

Deno.test("pglite's upkeep makes a checkpoint after five minutes, not before", () =>
  inFolder(async (folder) => {
    await copyPristine(`${folder}/data`);
    const database = await openPglite({ dataDir: `${folder}/data/db` });
    await database.script(
      "create table t as select g, repeat('x', 90) from generate_series(1, 5000) g",
    );
    const upkeep = createUpkeep({ database, nowMs: 0 });
    deepEqual((await upkeep.look(299_000)).includes("checkpoint"), false);
    deepEqual((await upkeep.look(300_000)).includes("checkpoint"), true);
    deepEqual((await upkeep.look(500_000)).includes("checkpoint"), false);
    await database.close();
  }));

Deno.test("pglite's upkeep vacuums and analyzes a table that has grown, once", () =>
  inFolder(async (folder) => {
    await copyPristine(`${folder}/data`);
    const database = await openPglite({ dataDir: `${folder}/data/db` });
    await database.script("create table grown (id int)");
    const upkeep = createUpkeep({ database, nowMs: 0 });
    await upkeep.look(0);
    await database.query("insert into grown select generate_series(1, 5000)");
    const looks = [await upkeep.look(1), await upkeep.look(2), await upkeep.look(3)].flat();
    deepEqual(looks.filter((done) => done === "vacuum grown"), ["vacuum grown"]);
    await database.close();
  }));

Deno.test("space guard stops writing on a nearly full disk and lets reading go on", async () => {
  let [free, now] = [MIN_FREE_BYTES - 1, 0];
  const guard = createSpaceGuard("/", { freeBytes: () => Promise.resolve(free), now: () => now });
  for (const sql of ["insert into t values (1)", "select * from append($1)", "with x as (…) …"]) {
    await rejects(
      guard(sql),
      (error) => error instanceof DatabaseError && error.sqlstate === "53100",
    );
  }
  await guard("select * from event");
  [free, now] = [MIN_FREE_BYTES, 5_000];
  await guard("insert into t values (1)");
});
