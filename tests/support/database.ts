import { openPostgres } from "@/adapters/database/postgres.ts";
import type { Database } from "@/events/store/database.ts";
import { type OpenDatabase, openEmbedded } from "./embedded.ts";

export interface TestDatabase {
  readonly name: "pglite" | "postgres";
  /** A fresh, empty database. */
  open(): Promise<OpenDatabase>;
}

/**
 * PGlite always; PostgreSQL too when `TEST_DATABASE_URL` names a server. `TEST_DATABASES` leaves
 * only the named one, for a run beside one that had the other.
 */
export function databases(): TestDatabase[] {
  const server = Deno.env.get("TEST_DATABASE_URL");
  const only = Deno.env.get("TEST_DATABASES");
  const all: TestDatabase[] = [
    { name: "pglite", open: openEmbedded },
    ...(server === undefined
      ? []
      : [{ name: "postgres" as const, open: () => openTestPostgres(server) }]),
  ];
  const wanted = all.filter(({ name }) => only === undefined || name === only);
  if (wanted.length === 0) throw new Error(`Cannot test on ${only}: set TEST_DATABASE_URL`);
  return wanted;
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
