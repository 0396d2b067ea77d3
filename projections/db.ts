import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import type { Database, SqlValue } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";

/** Drizzle's query builder over our Database port. */
export type Db = PgRemoteDatabase<Record<string, never>>;

export function openDb(database: Database): Db {
  return drizzle(async (sql, params) => ({
    rows: await database.values(sql, trusted<SqlValue[]>(params)),
  }));
}
