import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  smallint,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import type { Projection, RowProjection } from "@/projections/define.ts";
import { openDb } from "@/projections/db.ts";
import {
  beginRebuild,
  clearSide,
  ensureSides,
  indexSide,
  publishViews,
  swapSides,
} from "@/projections/sides.ts";
import { tableShape } from "@/projections/table_shape.ts";
import { type AccountEvent, accounts, paid, projectionTest } from "@/tests/support/projections.ts";

const everything = pgTable("everything_v1", {
  id: text("id").primaryKey(),
  count: integer("count").notNull().default(7),
  small: smallint("small"),
  big: bigint("big", { mode: "number" }).notNull(),
  price: numeric("price"),
  ratio: doublePrecision("ratio"),
  held: boolean("held").notNull(),
  at: timestamp("at", { withTimezone: true }).notNull(),
  day: date("day"),
  ref: uuid("ref"),
  data: jsonb("data").$type<unknown>(),
  label: text("label").notNull().default(`it's "x"`),
}, (table) => [
  index("everything_v1_big").on(table.big.desc().nullsLast(), sql`lower(${table.id})`),
  uniqueIndex("everything_v1_held").on(table.id).where(sql`${table.held}`),
]);
type Everything = typeof everything.$inferSelect;

const EXAMPLE: Omit<Everything, "id"> = {
  ...{ count: -5, small: 3, big: 2 ** 52, price: "0.10000000000000000001", ratio: 0.1, held: true },
  at: new Date("2024-02-29T12:34:56.789Z"),
  ...{ day: "2024-02-29", ref: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", label: `"O'Neil" \\ ü` },
  data: { list: [1, null, "x"], text: `{"not":"parsed"}`, "ключ": true },
};

const sparse: Omit<Everything, "id"> = {
  ...EXAMPLE,
  ...{ small: null, price: null, ratio: null, day: null, ref: null, data: null },
};

/** The second event on a row must see what the first one wrote, read back from the table. */
function everythingProjection(
  seen: (Everything | undefined)[],
): RowProjection<AccountEvent, Everything> {
  return {
    ...{ kind: "rows", name: "everything", version: 1, table: everything },
    keys: (event) => event.type === "Paid" ? [event.data.id] : [],
    on: {
      Paid: (row, { data }) => {
        seen.push(row);
        return { id: data.id, ...(data.amount === 0 ? sparse : EXAMPLE), count: data.amount };
      },
    },
  };
}

projectionTest("sides", {
  async "keep a row of every column type as it was given"(world) {
    const first = await world.follow([everythingProjection([])]);
    equal(await first.waitFor(await world.append(paid("a", 1), paid("b", 0))), true);
    await first.stop();
    const seen: (Everything | undefined)[] = [];
    const second = await world.follow([everythingProjection(seen)]);
    equal(await second.waitFor(await world.append(paid("a", 2), paid("b", 3))), true);
    const rows: (Everything | undefined)[] = [
      { id: "a", ...EXAMPLE, count: 1 },
      { id: "b", ...sparse, count: 0 },
    ];
    deepEqual(seen, rows);
    const read = await openDb(world.database).select().from(everything).orderBy(everything.id);
    deepEqual(read.map(({ id, data, price, big }) => ({ id, data, price, big })), [
      { id: "a", data: EXAMPLE.data, price: EXAMPLE.price, big: EXAMPLE.big },
      { id: "b", data: EXAMPLE.data, price: EXAMPLE.price, big: EXAMPLE.big },
    ]);
  },

  async "have the columns, keys and indexes that the table declares"({ database }) {
    const projections: Projection[] = [everythingProjection([])];
    await Promise.all([1, 2, 3].map(() => ensureSides(database, projections)));
    const columns = (table: string) =>
      database.values(
        `select column_name, data_type, is_nullable, column_default from information_schema.columns
         where table_name = $1 order by ordinal_position`,
        [table],
      );
    const ofA = await columns("everything_v1_a");
    deepEqual(await columns("everything_v1_b"), ofA);
    deepEqual(ofA.slice(0, 2), [["id", "text", "NO", null], ["count", "integer", "NO", "7"]]);
    match(String(ofA.at(-1)?.[3]), /it''s "x"/);
    const indexes = await database.values(
      `select indexdef from pg_indexes where tablename = 'everything_v1_a' order by indexname`,
    );
    deepEqual(
      indexes.map(([definition]) => String(definition).replace(/ ON .*USING/, "")),
      [
        "CREATE INDEX everything_v1_big_a btree (big DESC NULLS LAST, lower(id))",
        "CREATE UNIQUE INDEX everything_v1_held_a btree (id) WHERE held",
        "CREATE UNIQUE INDEX everything_v1_a_pkey btree (id)",
      ].sort((a, b) => a.includes("_pkey") ? -1 : b.includes("_pkey") ? 1 : 0),
    );
  },

  async "swap only from where they stand, with the rebuild's own checkpoint"({ database }) {
    const shape = tableShape(accounts().table);
    await ensureSides(database, [accounts()]);
    const name = "accounts@1";
    const ends = { name, from: "a", to: "b", position: 5, shape } as const;
    equal(await swapSides(database, ends), "lost");
    equal(await beginRebuild(database, { name, live: "b", to: "a", shape }), false);
    equal(await beginRebuild(database, { name, live: "a", to: "b", shape }), true);
    await database.query("update checkpoint set pos = 5 where name = 'accounts@1/rebuild'");
    await database.query("update checkpoint set pos = 6 where name = 'accounts@1'");
    equal(await swapSides(database, ends), "moved");
    equal(await swapSides(database, { ...ends, position: 6 }), "lost");
    await database.query("update checkpoint set pos = 4 where name = 'accounts@1'");
    await database.script(`insert into accounts_v1_b values ('x', 1, 1, 1, now(), '[]')`);
    equal(await swapSides(database, ends), "swapped");
    deepEqual(await database.values("select name, pos, side from checkpoint"), [[name, 5, "b"]]);
    deepEqual(await database.values("select id from accounts_v1"), [["x"]]);
    equal(await swapSides(database, ends), "moved");
    await clearSide(database, { name, side: "b", shape });
    deepEqual(await database.values("select id from accounts_v1"), [["x"]], "the live side");
    await ensureSides(database, [accounts()]);
    deepEqual(await database.values("select id from accounts_v1"), [["x"]]);
  },

  async "are not cleared while a rebuild fills them"({ database }) {
    const shape = tableShape(accounts().table);
    await ensureSides(database, [accounts()]);
    const name = "accounts@1";
    await beginRebuild(database, { name, live: "a", to: "b", shape });
    await database.script(`insert into accounts_v1_b values ('x', 1, 1, 1, now(), '[]')`);
    await clearSide(database, { name, side: "b", shape });
    deepEqual(await database.values("select id from accounts_v1_b"), [["x"]]);
    await database.query("delete from checkpoint where name like '%/rebuild'");
    await clearSide(database, { name, side: "b", shape });
    deepEqual(await database.values("select id from accounts_v1_b"), []);
  },

  async "get back a view that was dropped, and an index that was added, on the live side"(
    { database },
  ) {
    const shape = tableShape(accounts().table);
    await ensureSides(database, [accounts()]);
    const name = "accounts@1";
    await beginRebuild(database, { name, live: "a", to: "b", shape });
    await indexSide(database, shape, "b");
    equal(await swapSides(database, { name, from: "a", to: "b", position: 0, shape }), "swapped");
    await database.script(
      `insert into accounts_v1_b values ('x', 1, 1, 1, now(), '[]');
       drop view accounts_v1; drop index accounts_v1_balance_b`,
    );
    await ensureSides(database, [accounts()]);
    deepEqual(await database.values("select id from accounts_v1"), [["x"]]);
    const found = await database.values("select to_regclass('accounts_v1_balance_b') is not null");
    deepEqual(found, [[true]]);
  },

  async "of another declaration under the same version are refused, nothing is left half"(
    { database },
  ) {
    await database.script("create table accounts_v1_b (id text, renamed int)");
    await rejects(ensureSides(database, [accounts()]), /accounts_v1_b.*raise the version/);
    deepEqual(await database.values("select count(*)::int from checkpoint"), [[0]]);
    deepEqual(await database.values("select to_regclass('accounts_v1_a') is null"), [[true]]);
    await database.script("drop table accounts_v1_b");
    await ensureSides(database, [accounts()]);
    deepEqual(await database.values("select count(*)::int from accounts_v1"), [[0]]);
  },
});

const people = (name: string, columns: string): Projection => ({
  ...accounts({ name: "held" }),
  views: [{ name, sql: (view) => `select ${columns} from ${view}` }],
});

projectionTest("views for people", {
  async "are there once the rows are, and survive rebuilds and other starts"(world) {
    await world.append(paid("a", 5));
    const follower = await world.follow([people("balances", "id, balance")]);
    await follower.waitFor(1);
    const other = await world.follow([people("balances", "id, balance")], {
      database: await world.again(),
    });
    await follower.stop();
    await world.database.script("create view rich as select * from balances where balance > 3");
    await other.rebuild("held", {});
    await other.stop();
    const third = await world.follow([people("balances", "id, balance")]);
    equal(await third.waitFor(await world.append(paid("b", 6))), true);
    deepEqual(await world.database.values("select * from rich order by id"), [["a", 5], ["b", 6]]);
  },

  async "are made anew when their definition changes, columns too"({ database }) {
    const publish = async (columns: string) => {
      const projections = [people("balances", columns)];
      await ensureSides(database, projections);
      await Promise.all([1, 2].map(() => publishViews(database, projections)));
      const found = await database.values(
        `select string_agg(attname, ',' order by attnum) from pg_attribute
         where attrelid = 'balances'::regclass`,
      );
      return String(found[0]?.[0]);
    };
    equal(await publish("id, balance"), "id,balance");
    equal(await publish("id, balance, events"), "id,balance,events");
    equal(await publish("balance as id"), "id");
    const [oid] = await database.values("select 'balances'::regclass::oid::int");
    equal(await publish("balance as id"), "id");
    deepEqual(await database.values("select 'balances'::regclass::oid::int"), [oid]);
  },

  async "that somebody depends on do not keep the service from starting"(world) {
    await world.append(paid("a", 5));
    const follower = await world.follow([people("balances", "id, balance")]);
    await follower.waitFor(1);
    await follower.stop();
    await world.database.script("create view mine as select * from balances");
    const next = await world.follow([people("balances", "balance as id")]);
    equal(await next.waitFor(await world.append(paid("b", 6))), true);
    deepEqual(await world.database.values("select count(*)::int from mine"), [[2]]);
  },
});

Deno.test("table shape: what two sides cannot keep is refused", () => {
  const id = text("id").primaryKey();
  throws(() => tableShape(pgTable("t", { id: text("id") })), /no primary key/);
  throws(() => tableShape(pgTable("t", { id, other: text("o").unique() })), /only a primary key/);
  throws(() => tableShape(pgTable("t", { id, list: text("list").array() })), /array column "list"/);
  throws(() => tableShape(pgTable("x".repeat(61), { id })), /name too long/);
  const other = pgTable("other", { id: text("id").primaryKey() });
  const referring = pgTable("t", { id: text("id").primaryKey() }, (table) => [
    foreignKey({ columns: [table.id], foreignColumns: [other.id] }),
  ]);
  throws(() => tableShape(referring), /only a primary key/);
});
