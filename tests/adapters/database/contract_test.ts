import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { databases } from "../../support/database.ts";

/** Every adapter of the Database port answers the same. */
for (const { name, open } of databases()) {
  const test = (title: string, run: (database: Database) => Promise<void>) =>
    Deno.test(`${name} ${title}`, async () => {
      const { database, close } = await open();
      try {
        await run(database);
      } finally {
        await close();
      }
    });

  test("gives values in the port's types", async (database) => {
    const [row] = await database.query(`select 1::int2 as i2, 2::int4 as i4, 3::int8 as i8,
      1.50::numeric as n, 0.5::float8 as f, true as b, null::text as nothing, 'x' as t,
      '{"a":[1]}'::jsonb as j, '2024-05-01T12:00:00.123Z'::timestamptz as at,
      '\\x00ff'::bytea as bytes, array[1, null, 3] as list, array['a,b', 'c"d'] as texts`);
    deepEqual(row, {
      ...{ i2: 1, i4: 2, i8: 3, n: "1.50", f: 0.5, b: true, nothing: null, t: "x" },
      j: { a: [1] },
      at: new Date("2024-05-01T12:00:00.123Z"),
      bytes: new Uint8Array([0, 255]),
      list: [1, null, 3],
      texts: ["a,b", 'c"d'],
    });
  });

  test("takes parameters of every type, arrays as lists or as literals", async (database) => {
    const sql = `select $1::int8 as i, $2::text as t, $3::boolean as b, $4::timestamptz as at,
      $5::bytea as bytes, $6::text[] as texts, $7::bigint[] as list, $8::jsonb[] as js,
      $9::numeric[] as ns`;
    const at = new Date("2021-01-01T00:00:00Z");
    const [row] = await database.query(sql, [
      ...[9_007_199_254_740_991, "ü'\\\"", false, at, new Uint8Array([1, 2])],
      ...[["a", null, '"', "\\", "{}", ""], [1, 2], ['{"a":"\\"x"}'], "{1.5,NULL}"],
    ]);
    deepEqual(row, {
      ...{ i: 9_007_199_254_740_991, t: "ü'\\\"", b: false, at, bytes: new Uint8Array([1, 2]) },
      ...{ texts: ["a", null, '"', "\\", "{}", ""], list: [1, 2], js: [{ a: '"x' }] },
      ns: ["1.5", null],
    });
  });

  test("gives rows as arrays for drizzle", async (database) => {
    deepEqual(await database.values("select 1, 'a' union all select 2, 'b' order by 1"), [
      [1, "a"],
      [2, "b"],
    ]);
  });

  test("names SQLSTATE and constraint of a failure, and goes on after it", async (database) => {
    await database.script("create table t (id int constraint t_key primary key)");
    await database.query("insert into t values (1)");
    await rejects(database.query("insert into t values (1)"), (error) => {
      ok(error instanceof DatabaseError);
      deepEqual([error.sqlstate, error.constraint, error.retryable], ["23505", "t_key", false]);
      return true;
    });
    await rejects(database.query("select nothing from nowhere"), DatabaseError);
    deepEqual(await database.query("select count(*) as n from t"), [{ n: 1 }]);
  });

  test("rolls a transaction back as a whole", async (database) => {
    await database.script("create table t (id int primary key)");
    const insert = { sql: "insert into t values ($1)", params: [1] };
    await rejects(database.transaction([insert, insert]), DatabaseError);
    deepEqual(await database.query("select * from t"), []);
    const results = await database.transaction([insert, { sql: "select id from t" }]);
    deepEqual(results, [[], [{ id: 1 }]]);
  });

  test("keeps a failed script from leaving a transaction open", async (database) => {
    await rejects(database.script("begin; create table t (id int); select 1 / 0; commit"));
    deepEqual(await database.query("select to_regclass('t')::text as t"), [{ t: null }]);
  });

  test("prepares a statement anew when its table has changed", async (database) => {
    await database.script("create table t (a int)");
    for (let n = 0; n < 3; n++) await database.query("select * from t");
    await database.script("alter table t add column b int default 7");
    await database.query("insert into t values (1)");
    deepEqual(await database.query("select * from t"), [{ a: 1, b: 7 }]);
  });

  test("answers many callers at once, each with its own rows", async (database) => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => database.query("select $1::int as i", [i])),
    );
    deepEqual(answers.flat(), Array.from({ length: 100 }, (_, i) => ({ i })));
  });

  test("carries parameters of several megabytes", async (database) => {
    const literal = `{${Array.from({ length: 300_000 }, (_, i) => i).join(",")}}`;
    const [row] = await database.query("select sum(v)::bigint as s from unnest($1::bigint[]) v", [
      literal,
    ]);
    deepEqual(row, { s: 300_000 * 299_999 / 2 });
  });

  test("hands notifications to every listener of the channel until it stops", async (database) => {
    const heard: string[] = [];
    const first = Promise.withResolvers<void>();
    const unlisten = await database.listen("news", (payload) => {
      heard.push(payload);
      first.resolve();
    }, () => {});
    await database.query("select pg_notify('news', 'one')");
    await first.promise;
    await unlisten();
    await database.query("select pg_notify('news', 'two')");
    await database.query("select 1");
    deepEqual(heard, ["one"]);
  });

  test("refuses text that UTF-8 cannot hold instead of changing it", async (database) => {
    await rejects(database.query("select $1::text", ["\ud800"]), (error) => {
      equal(error instanceof DatabaseError && error.sqlstate, "22021");
      return true;
    });
  });
}
