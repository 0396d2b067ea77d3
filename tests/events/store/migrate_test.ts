import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { migrate, SchemaTooNew } from "@/events/store/migrate.ts";
import { MIGRATIONS } from "@/events/store/schema.ts";
import { databases } from "../../support/database.ts";

const TABLES = [
  "alert_lease",
  "checkpoint",
  "crawler_lease",
  "event",
  "job_seen",
  "secret",
  "subject_key",
];

for (const { name, open } of databases()) {
  const test = (title: string, run: (opened: Awaited<ReturnType<typeof open>>) => Promise<void>) =>
    Deno.test(`migrate ${title} (${name})`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.close();
      }
    });

  test("makes the tables once when several instances start at the same moment", async (opened) => {
    const others = await Promise.all([opened.again(), opened.again(), opened.again()]);
    await Promise.all([opened.database, ...others].map((database) => migrate(database)));
    const versions = await opened.database.query("select version from schema_version");
    deepEqual(versions, MIGRATIONS.map((_, i) => ({ version: i + 1 })));
    const tables = await opened.database.query(
      `select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
       order by relname`,
    );
    const names = tables.map(({ relname }) => relname);
    for (const table of TABLES) {
      ok(names.includes(table), table);
    }
  });

  test("changes nothing that is up to date", async ({ database }) => {
    await migrate(database);
    await database.query("insert into checkpoint (name, pos) values ('x', 7)");
    await migrate(database);
    deepEqual(await database.query("select pos from checkpoint"), [{ pos: 7 }]);
  });

  test("goes on from the version that it finds", async ({ database }) => {
    const steps = [
      "create table a (n int)",
      "insert into a values (1)",
      "insert into a values (2)",
    ];
    await migrate(database, steps.slice(0, 2));
    await migrate(database, steps);
    deepEqual(await database.query("select n from a order by n"), [{ n: 1 }, { n: 2 }]);
  });

  test("takes over which times were dealt with, and leases that are held", async ({ database }) => {
    await migrate(database, MIGRATIONS.slice(0, 1));
    await database.query(`insert into job_run (job, scheduled_for, status) values
      ('crawl-history', '2024-05-01T19:30Z', 'succeeded'),
      ('crawl-history', '2024-05-02T19:30Z', 'skipped'),
      ('crawl-history', '2024-05-03T19:30Z', 'failed'),
      ('archive', '2024-05-01T19:30Z', 'running'),
      ('archive', '2024-04-30T19:30Z', 'succeeded'),
      ('never', '2024-05-01T19:30Z', 'failed')`);
    await migrate(database, MIGRATIONS.slice(0, 2));
    const seen = await database.query("select job, seen_at from job_seen order by job");
    deepEqual(seen, [
      { job: "archive", seen_at: new Date("2024-04-30T19:30Z") },
      { job: "crawl-history", seen_at: new Date("2024-05-02T19:30Z") },
    ]);
    await database.query("insert into crawler_lease (source, run_id) values ('klines', 'run-1')");
    await migrate(database);
    const leases = await database.query(
      "select source, run_id, replaces, turns from crawler_lease",
    );
    deepEqual(leases, [{ source: "klines", run_id: "run-1", replaces: null, turns: null }]);
  });

  test("keeps nothing of a step that fails, and can be repeated", async ({ database }) => {
    const broken = ["create table a (n int)", "create table b (n int); insert into b values ('x')"];
    await rejects(migrate(database, broken), { name: "DatabaseError" });
    const [found] = await database.query("select to_regclass('b') is null as gone");
    equal(found?.gone, true);
    await migrate(database, ["create table a (n int)", "create table b (n int)"]);
    deepEqual(await database.query("select count(*)::int as n from b"), [{ n: 0 }]);
  });

  test("refuses a database of a newer program and says what to do", async ({ database }) => {
    await migrate(database);
    await database.query("insert into schema_version (version) values (99)");
    await rejects(migrate(database), (error) => {
      ok(error instanceof SchemaTooNew);
      equal(error.found, 99);
      ok(error.message.includes("Start the newer program"));
      return true;
    });
  });
}
