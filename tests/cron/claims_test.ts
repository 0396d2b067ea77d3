import assert from "node:assert/strict";
import { type Claims, createClaims } from "@/cron/claims.ts";
import { migrate } from "@/events/store/migrate.ts";
import type { Database } from "@/events/store/database.ts";
import { databases } from "@/tests/support/database.ts";

const AT = Date.UTC(2024, 4, 1, 3, 30);
const DAILY = { job: "daily", at: AT };
const LATER = { job: "daily", at: AT + 86_400_000 };

for (const { name, open } of databases()) {
  let opened: ReturnType<typeof open>;
  Deno.test.beforeAll(async () => {
    opened = open();
    await migrate((await opened).database);
  });
  Deno.test.afterAll(async () => await (await opened).close());

  const withClaims = async (body: (claims: Claims, database: Database) => Promise<void>) => {
    const { database } = await opened;
    await database.query("delete from job_run");
    await body(createClaims(database), database);
  };

  Deno.test(`claim on ${name} is given to one of many who ask at once`, async () => {
    await withClaims(async (claims) => {
      const given = await Promise.all(Array.from({ length: 8 }, () => claims.claim(DAILY)));
      assert.deepEqual(given.filter((yes) => yes), [true]);
      assert.equal(await claims.latest("daily"), AT);
      assert.equal(await claims.latest("other"), undefined);
    });
  });

  Deno.test(`claim on ${name} is refused while an earlier run goes on, given when it has ended`, async () => {
    await withClaims(async (claims, database) => {
      assert.equal(await claims.claim(DAILY), true);
      await claims.beat(DAILY);
      assert.equal(await claims.claim(LATER), false);
      assert.equal(await claims.claim({ job: "another", at: AT }), true);
      await claims.finish(DAILY, { status: "succeeded", result: { ingested: 3 } });
      assert.deepEqual(await runOf(database), {
        ...{ status: "succeeded", error: null, result: { ingested: 3 }, finished: true },
      });
      assert.equal(await claims.claim(DAILY), false);
      assert.equal(await claims.claim(LATER), true);
      await claims.finish(LATER, { status: "failed", error: "no luck" });
      assert.deepEqual(await runOf(database), {
        ...{ status: "failed", error: "no luck", result: null, finished: true },
      });
    });
  });

  Deno.test(`claim on ${name} of a process that fell silent is taken over`, async () => {
    await withClaims(async (claims, database) => {
      await claims.claim(DAILY);
      await database.query(
        `update job_run set result = jsonb_build_object('beat_at', now() - interval '1 hour')`,
      );
      assert.equal(await claims.claim(LATER), true);
      const rows = await database.query("select status from job_run order by scheduled_for");
      assert.deepEqual(rows, [{ status: "crashed" }, { status: "running" }]);
    });
  });

  Deno.test(`claims on ${name} forget what is long past, but never the newest of a job`, async () => {
    await withClaims(async (claims, database) => {
      for (const job of ["daily", "yearly"]) {
        await claims.passOver({ job, at: AT });
        await claims.passOver({ job, at: AT });
      }
      await claims.passOver({ job: "daily", at: Date.now() });
      await claims.sweep();
      const rows = await database.query("select job, status from job_run order by job");
      assert.deepEqual(rows, [
        { job: "daily", status: "skipped" },
        { job: "yearly", status: "skipped" },
      ]);
      assert.equal(await claims.latest("yearly"), AT);
    });
  });

  Deno.test(`claims on ${name} of a dead process are freed at the start`, async () => {
    await withClaims(async (claims, database) => {
      await claims.claim(DAILY);
      await claims.sweep();
      const [row] = await database.query("select status from job_run");
      // A server may be used by another instance, whose run has only just begun.
      assert.equal(row?.status, database.engine === "pglite" ? "crashed" : "running");
    });
  });
}

async function runOf(database: Database): Promise<unknown> {
  const [row] = await database.query(
    `select status, error, result, finished_at is not null as finished from job_run
      where job = 'daily' order by scheduled_for desc limit 1`,
  );
  return row;
}
