import { bigint, index, integer, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { z } from "zod";
import { systemClock } from "@/adapters/clock.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Recorded } from "@/events/define.ts";
import type { Database } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore, type SqlEventStore } from "@/events/store/sql_store.ts";
import type { EventStore } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";
import type { BulkProjection, Projection, RowProjection } from "@/projections/define.ts";
import { createFollower, type Follower } from "@/projections/follower.ts";
import type { TestDatabase } from "./database.ts";
import { databaseSteps } from "./database_steps.ts";
import type { OpenDatabase } from "./embedded.ts";
import { quietLog } from "./quiet_log.ts";

/** Small accounts: one event touches one row, two, or takes one away; one concerns nobody. */
export const accountCatalog = {
  Paid: z.object({ id: z.string(), amount: z.int() }),
  Moved: z.object({ from: z.string(), to: z.string(), amount: z.int() }),
  Closed: z.object({ id: z.string() }),
  Idled: z.object({}),
};

export type AccountEvent =
  | { readonly type: "Paid"; readonly data: { id: string; amount: number } }
  | { readonly type: "Moved"; readonly data: { from: string; to: string; amount: number } }
  | { readonly type: "Closed"; readonly data: { id: string } }
  | { readonly type: "Idled"; readonly data: Record<never, never> };

export interface AccountRow {
  readonly id: string;
  readonly events: number;
  readonly balance: number;
  /** Depends on the position and the order of every event: skips, doubles and swaps show in it. */
  readonly trail: number;
  readonly last: Date;
  readonly amounts: readonly number[];
}

export interface AccountsOptions {
  readonly name?: string;
  readonly version?: number;
  /** Throws for the events where it says why. */
  readonly refuse?: (event: Recorded<AccountEvent>) => string | undefined;
  /** Makes balances of a mended handler differ. */
  readonly factor?: number;
}

export function accounts(
  { name = "accounts", version = 1, refuse = () => undefined, factor = 1 }: AccountsOptions = {},
): RowProjection<AccountEvent, AccountRow> {
  const view = `${name}_v${version}`;
  function paid(
    row: AccountRow | undefined,
    event: Recorded<AccountEvent>,
    { id, amount }: { id: string; amount: number },
  ): AccountRow {
    const reason = refuse(event);
    if (reason !== undefined) throw new Error(reason);
    return {
      id,
      events: (row?.events ?? 0) + 1,
      balance: (row?.balance ?? 0) + amount * factor,
      trail: trailAfter(row?.trail ?? 0, event.position),
      last: event.at,
      amounts: [...row?.amounts ?? [], amount].slice(-3),
    };
  }
  return {
    kind: "rows",
    name,
    version,
    table: pgTable(view, {
      id: text("id").primaryKey(),
      events: integer("events").notNull(),
      balance: bigint("balance", { mode: "number" }).notNull(),
      trail: bigint("trail", { mode: "number" }).notNull(),
      last: timestamp("last_at", { withTimezone: true }).notNull(),
      amounts: jsonb("amounts").$type<readonly number[]>().notNull(),
    }, (table) => [index(`${view}_balance`).on(table.balance.desc(), table.id)]),
    keys: ({ type, data }) =>
      type === "Moved" ? [data.from, data.to] : type === "Idled" ? [] : [data.id],
    on: {
      Paid: (row, event) => paid(row, event, event.data),
      Moved: (row, event, id) => {
        const { from, amount } = event.data;
        return paid(row, event, { id, amount: id === from ? -amount : amount });
      },
      Closed: () => undefined,
    },
  };
}

export function trailAfter(trail: number, position: number): number {
  return (trail * 31 + position) % 1_000_003;
}

/** The rows by an oracle that shares nothing with the fold. */
export function expectedAccounts(events: readonly Recorded[]): AccountRow[] {
  const rows: Record<string, AccountRow> = {};
  for (const event of trusted<readonly Recorded<AccountEvent>[]>(events)) {
    const { type, data, position, at } = event;
    const pay = (id: string, amount: number) => {
      const { events: n, balance, trail, amounts } = rows[id] ??
        { events: 0, balance: 0, trail: 0, amounts: [] };
      rows[id] = {
        ...{ id, events: n + 1, balance: balance + amount, last: at },
        ...{ trail: trailAfter(trail, position), amounts: [...amounts, amount].slice(-3) },
      };
    };
    if (type === "Paid") pay(data.id, data.amount);
    if (type === "Moved") {
      pay(data.from, -data.amount);
      if (data.to !== data.from) pay(data.to, data.amount);
    }
    if (type === "Closed") delete rows[data.id];
  }
  return Object.values(rows).sort((a, b) => a.id < b.id ? -1 : 1);
}

export async function accountRows(
  database: Database,
  view = "accounts_v1",
): Promise<AccountRow[]> {
  const rows = await database.query(
    `select id, events, balance, trail, last_at as last, amounts from ${view} order by id collate "C"`,
  );
  return trusted<AccountRow[]>(rows);
}

/** A payment a row, written by its own statements. */
export function payments(
  before: (events: readonly Recorded[]) => Promise<void> = () => Promise.resolve(),
): BulkProjection {
  return {
    kind: "bulk",
    name: "payments",
    version: 1,
    table: pgTable("payments_v1", {
      pos: bigint("pos", { mode: "number" }).primaryKey(),
      id: text("id").notNull(),
      amount: integer("amount").notNull(),
    }),
    types: ["Paid", "Closed"],
    weight: () => 1,
    async apply(events, { table, guard, run }) {
      await before(events);
      for (const { type, data, position } of trusted<readonly Recorded<AccountEvent>[]>(events)) {
        if (type === "Paid") {
          await run({
            sql: `insert into ${table} (pos, id, amount) select $1::bigint, $2::text, $3::int
                  where ${guard(3)} on conflict (pos) do nothing`,
            params: [position, data.id, data.amount],
          });
        }
        if (type === "Closed") {
          await run({
            sql: `delete from ${table} where id = $1 and pos < $2 and ${guard(2)}`,
            params: [data.id, position],
          });
        }
      }
    },
  };
}

/** A log on a database, and followers on it that end with the test. */
export interface World extends OpenDatabase {
  readonly engine: TestDatabase["name"];
  readonly store: SqlEventStore;
  append(...events: readonly AccountEvent[]): Promise<number>;
  /** A started follower; on its own store and connections where `own` is given. */
  follow(projections: readonly Projection[], how?: FollowHow): Promise<Follower>;
  /** A store as another process has it. */
  anotherStore(database: Database): Promise<SqlEventStore>;
}

export interface FollowHow {
  readonly database?: Database;
  readonly store?: EventStore;
  readonly clock?: Clock;
  readonly pollMs?: number;
}

/** One test for each database, its steps one after the other, each on an empty log. */
export function projectionTest(
  title: string,
  steps: Readonly<Record<string, (world: World) => Promise<void>>>,
  options: { engines?: readonly TestDatabase["name"][] } = {},
): void {
  databaseSteps(title, steps, inWorld, options);
}

async function inWorld(
  opened: OpenDatabase,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const { database } = opened;
  await database.script(`drop schema public cascade; create schema public;`);
  await migrate(database);
  const closing: (() => Promise<void>)[] = [];
  async function anotherStore(on: Database): Promise<SqlEventStore> {
    const store = await createSqlStore({ database: on, catalog: accountCatalog });
    closing.push(() => store.close());
    return store;
  }
  const store = await anotherStore(database);
  try {
    await run({
      ...{ ...opened, engine: database.engine, store, anotherStore },
      append: (...events) => appendTo(store, events),
      async follow(projections, how = {}) {
        const follower = createFollower({
          ...{ database, store, projections, log: quietLog, clock: systemClock, pollMs: 60_000 },
          ...how,
        });
        closing.unshift(() => follower.stop());
        await follower.start();
        return patient(follower);
      },
    });
  } finally {
    for (const close of closing) await close();
  }
}

/** Waits longer than a busy machine takes where a test does not say how long. */
function patient(follower: Follower): Follower {
  return {
    ...follower,
    waitFor: (position, timeoutMs = 30_000, names) => follower.waitFor(position, timeoutMs, names),
  };
}

export async function appendTo(
  store: EventStore,
  events: readonly AccountEvent[],
): Promise<number> {
  const stream = `test-${crypto.randomUUID()}`;
  const meta = { actor: "job:test", commandId: crypto.randomUUID() };
  return (await store.append([{ stream, expected: "none", events }], meta)).position;
}

export function paid(id: string, amount = 1): AccountEvent {
  return { type: "Paid", data: { id, amount } };
}

/** Asks again until it holds: only where another connection is waited for. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error("It did not become true in 20 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The database, with something that happens around statements of the test's choice. */
export function around(
  database: Database,
  hook: (sql: string, run: () => Promise<unknown>) => Promise<unknown>,
): Database {
  return {
    ...database,
    query: async (sql, params) => trusted(await hook(sql, () => database.query(sql, params))),
    values: async (sql, params) => trusted(await hook(sql, () => database.values(sql, params))),
  };
}
