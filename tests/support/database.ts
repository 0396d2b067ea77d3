import { openPglite } from "@/adapters/database/pglite.ts";
import { openPostgres } from "@/adapters/database/postgres.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { madeOnce } from "./made_once.ts";

export interface TestDatabase {
  readonly name: "pglite" | "postgres";
  /** A fresh, empty database. */
  open(): Promise<OpenDatabase>;
}

export interface OpenDatabase {
  readonly database: Database;
  /** For another process; undefined for PGlite, which only one can open. */
  readonly url: string | undefined;
  /** Another connection pool to the same database, where the engine allows it. */
  again(): Promise<Database>;
  close(): Promise<void>;
}

/**
 * PGlite always; PostgreSQL too when `TEST_DATABASE_URL` names a server. `TEST_DATABASES` leaves
 * only the named one, for a run beside one that had the other.
 */
export function databases(): TestDatabase[] {
  const server = Deno.env.get("TEST_DATABASE_URL");
  const only = Deno.env.get("TEST_DATABASES");
  const all: TestDatabase[] = [
    { name: "pglite", open: openTestPglite },
    ...(server === undefined
      ? []
      : [{ name: "postgres" as const, open: () => openTestPostgres(server) }]),
  ];
  const wanted = all.filter(({ name }) => only === undefined || name === only);
  if (wanted.length === 0) throw new Error(`Cannot test on ${only}: set TEST_DATABASE_URL`);
  return wanted;
}

let template: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** Engines that no test of this file uses now: starting one costs a second of both processors. */
const idle: Database[] = [];

async function openTestPglite(): Promise<OpenDatabase> {
  const engine = idle.pop() ?? await startPglite();
  const { database, end } = fenced(engine);
  return {
    database,
    url: undefined,
    again: () => Promise.resolve(database),
    async close() {
      end();
      for (const sql of EMPTY) await engine.script(sql);
      idle.push(engine);
    },
  };
}

/** Everything that a test can leave: session, schemas, notifications, locks. */
const EMPTY = [
  "discard all",
  "set timezone = 'UTC'; drop schema public cascade; create schema public",
];

async function startPglite(): Promise<Database> {
  template ??= readTemplate();
  return await openPglite({ template: new Uint8Array(await template) });
}

/** The same database until its end; then what still holds it is refused, as by a closed one. */
function fenced(engine: Database): { readonly database: Database; readonly end: () => void } {
  let ended = false;
  const open = () => {
    if (ended) throw new DatabaseError("the database is closed", {});
    return engine;
  };
  const end = () => void (ended = true);
  return {
    end,
    database: {
      engine: engine.engine,
      query: async (sql, params) => await open().query(sql, params),
      values: async (sql, params) => await open().values(sql, params),
      transaction: async (batch) => await open().transaction(batch),
      script: async (sql) => await open().script(sql),
      listen: async (channel, on, onGap) =>
        await open().listen(channel, (payload) => ended ? undefined : on(payload), onGap),
      close: () => Promise.resolve(end()),
    },
  };
}

/** Making a cluster takes seconds; loading a copy of an empty one does not. */
async function readTemplate(): Promise<Uint8Array<ArrayBuffer>> {
  const path = await madeOnce("empty-cluster", async (path) => {
    const database = await openPglite();
    await Deno.writeFile(path, await database.dump());
    await database.close();
  });
  return await Deno.readFile(path);
}

async function openTestPostgres(server: string): Promise<OpenDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await once(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const opened: Database[] = [];
  const open = () => {
    const database = openPostgres({ url: url.href, poolMax: 10 });
    opened.push(database);
    return database;
  };
  return {
    database: open(),
    url: url.href,
    again: () => Promise.resolve(open()),
    async close() {
      await Promise.all(opened.map((database) => database.close()));
      await once(server, `drop database ${name} with (force)`);
    },
  };
}

async function once(server: string, sql: string): Promise<void> {
  const database = openPostgres({ url: server, poolMax: 1 });
  await database.script(sql);
  await database.close();
}
