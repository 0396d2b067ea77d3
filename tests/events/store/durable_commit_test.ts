import { deepEqual } from "node:assert/strict";
import type { Database } from "@/events/store/database.ts";
import { applyBatch } from "@/projections/apply_batch.ts";
import { createRowCache } from "@/projections/row_cache.ts";
import { ensureSides } from "@/projections/sides.ts";
import { tableShape } from "@/projections/table_shape.ts";
import { accounts } from "@/tests/support/projections.ts";
import { counted, newMeta, newStream } from "../../contract/event_store_catalog.ts";
import { logTest, type OpenLog } from "./open_log.ts";

/** Tells how each transaction that wrote to the table was committed. */
async function observe(database: Database, table: string, change: string): Promise<void> {
  await database.script(`
    create table if not exists seen (what text, how text);
    create or replace function see() returns trigger language plpgsql as $$ begin
      insert into seen values (tg_table_name, current_setting('synchronous_commit')); return null;
    end $$;
    create constraint trigger see after ${change} on ${table} deferrable initially deferred
      for each row execute function see();`);
}

/** A connection of a database whose default it is. */
async function connect(log: OpenLog, synchronousCommit: string): Promise<Database> {
  const { database } = log;
  if (database.engine === "pglite") {
    await database.script(`set synchronous_commit = ${synchronousCommit}`);
    return database;
  }
  const [row] = await database.values("select current_database()");
  await database.script(
    `alter database ${row?.[0]} set synchronous_commit = ${synchronousCommit}`,
  );
  return await log.again();
}

for (
  const [setting, committed] of [["off", "on"], ["on", "on"], ["local", "local"]] as const
) {
  logTest(`the log commits with ${committed} where the default is ${setting}`, async (log) => {
    await observe(log.database, "event", "insert");
    const database = await connect(log, setting);
    const store = await log.another(database);
    await store.append([{ stream: newStream(), expected: "any", events: counted(1) }], newMeta());
    deepEqual(await database.values("select distinct how from seen"), [[committed]]);
    deepEqual(await database.values("select current_setting('synchronous_commit')"), [[setting]]);
  });
}

logTest("read models are committed without waiting, whatever the default is", async (log) => {
  const projection = accounts();
  await ensureSides(log.database, [projection]);
  await observe(log.database, "checkpoint", "update");
  const database = await connect(log, "on");
  await (await log.another(database)).append(
    [{ stream: newStream(), expected: "any", events: counted(1) }],
    newMeta(),
  );
  const rows = createRowCache({ maxRows: 10, complete: true });
  const target = { projection, shape: tableShape(projection.table), claim: "mine", rows };
  const event = {
    ...{ id: crypto.randomUUID(), stream: "s", version: 1, position: 1, at: new Date(0) },
    ...{ type: "Idled", schema: 1, data: {}, meta: newMeta() },
  };
  await applyBatch(database, [{ ...target, name: "accounts@1", side: "a" }], {
    ...{ from: 0, events: [event] },
  });
  deepEqual(await database.values("select what, how from seen"), [["checkpoint", "off"]]);
});
