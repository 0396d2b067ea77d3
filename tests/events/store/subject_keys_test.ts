import { deepEqual, equal } from "node:assert/strict";
import { migrate } from "@/events/store/migrate.ts";
import type { Database } from "@/events/store/database.ts";
import { openSubjectKeys } from "@/events/store/subject_keys.ts";
import { databases } from "../../support/database.ts";

/** Notes the reads of keys, and passes no notification on. */
function deaf(database: Database, reads: string[][]): Database {
  return {
    ...database,
    listen: () => Promise.resolve(() => Promise.resolve()),
    query(sql, params = []) {
      if (sql.startsWith("select subject")) reads.push(params.flat().map(String));
      return database.query(sql, params);
    },
  };
}

for (const { name, open } of databases()) {
  const test = (title: string, run: (database: Database) => Promise<void>) =>
    Deno.test(`subject keys ${title} (${name})`, async () => {
      const opened = await open();
      try {
        await migrate(opened.database);
        await run(opened.database);
      } finally {
        await opened.close();
      }
    });

  test("are asked for once and kept for a minute", async (database) => {
    const reads: string[][] = [];
    let now = 0;
    const keys = await openSubjectKeys(deaf(database, reads), { now: () => now });
    await keys.forWriting(["a"]);
    reads.length = 0;
    await keys.forReading(["a"]);
    await keys.forReading(["a", "b"]);
    deepEqual(reads, [["b"]]);
    now = 59_999;
    await keys.forReading(["a"]);
    equal(reads.length, 1);
    now = 60_000;
    await keys.forReading(["a"]);
    deepEqual(reads.at(-1), ["a"]);
  });

  test("of an erasure that was not heard of are used for a minute at most", async (database) => {
    let now = 0;
    const here = await openSubjectKeys(deaf(database, []), { now: () => now });
    const there = await openSubjectKeys(deaf(database, []), { now: () => now });
    await here.forWriting(["a"]);
    await there.erase("a");
    equal((await there.forReading(["a"])).get("a"), null);
    equal((await here.forReading(["a"])).get("a") === null, false);
    now = 60_000;
    equal((await here.forReading(["a"])).get("a"), null);
    equal((await here.forWriting(["a"])).get("a"), null);
  });

  test("are made once for a subject, whoever is first", async (database) => {
    const [a, b] = [await openSubjectKeys(database), await openSubjectKeys(database)];
    await Promise.all([a, b, a, b].map((keys) => keys.forWriting(["x", "y"])));
    const rows = await database.query("select subject from subject_key order by subject");
    deepEqual(rows, [{ subject: "x" }, { subject: "y" }]);
    await a.close();
    await b.close();
  });

  test("are never replaced by one who is late, also after an erasure", async (database) => {
    const first = await openSubjectKeys(database);
    const kept = () => database.query("select subject, key from subject_key order by subject");
    let before: Awaited<ReturnType<typeof kept>> = [];
    const late = await openSubjectKeys({
      ...database,
      async query(sql, params) {
        if (sql.startsWith("insert into subject_key") && before.length === 0) {
          await first.forWriting(["x", "y"]);
          await first.erase("y");
          before = await kept();
        }
        return await database.query(sql, params);
      },
    });
    equal((await late.forWriting(["x", "y"])).get("y"), null);
    deepEqual(await kept(), before);
    await first.close();
    await late.close();
  });

  test("that are being read while they are erased are not kept", async (database) => {
    const gate = Promise.withResolvers<void>();
    let held = false;
    const slow: Database = {
      ...database,
      async query(sql, params) {
        const rows = await database.query(sql, params);
        if (held && sql.startsWith("select subject")) await gate.promise;
        return rows;
      },
    };
    const keys = await openSubjectKeys(slow, { now: () => 0 });
    await (await openSubjectKeys(database)).forWriting(["a"]);
    held = true;
    const reading = keys.forReading(["a"]);
    await keys.erase("a");
    held = false;
    gate.resolve();
    await reading;
    equal((await keys.forReading(["a"])).get("a"), null);
  });
}
