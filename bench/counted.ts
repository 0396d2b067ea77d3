import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { z } from "zod";
import { systemClock } from "@/adapters/clock.ts";
import type { Database } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore, type SqlEventStore } from "@/events/store/sql_store.ts";
import type { RowProjection } from "@/projections/define.ts";
import { createFollower, type Follower } from "@/projections/follower.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import type { Append } from "./append.ts";

/** The same small event and read model that Emmett gets. */
const catalog = { Counted: z.object({ id: z.string(), n: z.number() }) };
type Counted = { type: "Counted"; data: { id: string; n: number } };

const counted: RowProjection<Counted, { id: string; n: number }> = {
  kind: "rows",
  name: "counted",
  version: 1,
  table: pgTable("counted_v1", { id: text("id").primaryKey(), n: integer("n").notNull() }),
  oneStream: true,
  keys: ({ data }) => [data.id],
  on: { Counted: (row, { data: { id } }) => ({ id, n: (row?.n ?? 0) + 1 }) },
};

export interface CountedHouse {
  readonly append: Append;
  readonly appendVisible: Append;
  readonly store: SqlEventStore;
  readonly follower: Follower;
  close(): Promise<void>;
}

/** Without `follow` nothing but the log runs. */
export async function openCounted(
  database: Database,
  { follow }: { follow: boolean },
): Promise<CountedHouse> {
  await migrate(database);
  const store = await createSqlStore({ database, catalog });
  const follower = createFollower({
    ...{ database, store, log: quietLog, clock: systemClock },
    projections: [counted],
  });
  if (follow) await follower.start();
  async function append(id: string, n: number): Promise<number> {
    const event = { type: "Counted", data: { id, n } };
    const write = { stream: `bench-${id}`, expected: "none", events: [event] } as const;
    const meta = { actor: "bench", commandId: crypto.randomUUID() };
    return (await store.append([write], meta)).position;
  }
  return {
    ...{ store, follower, append },
    async appendVisible(id, n) {
      if (!await follower.waitFor(await append(id, n), 30_000)) throw new Error("not visible");
    },
    async close() {
      if (follow) await follower.stop();
      await store.close();
      await database.close();
    },
  };
}
