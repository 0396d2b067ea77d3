import { openPglite, type PgliteOptions } from "@/adapters/database/pglite.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { madeOnce } from "./made_once.ts";

export interface OpenDatabase {
  readonly database: Database;
  /** For another process; undefined for PGlite, which only one can open. */
  readonly url: string | undefined;
  /** Another connection pool to the same database, where the engine allows it. */
  again(): Promise<Database>;
  close(): Promise<void>;
}

let template: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** Engines that no test of this file uses now: starting one costs a second of both processors. */
const idle: Database[] = [];

/** PGlite, fresh and empty: for what does not depend on the engine. */
export async function openEmbedded(): Promise<OpenDatabase> {
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

/** An engine of one's own, with an empty database. */
export async function startPglite(options: PgliteOptions = {}): Promise<Database> {
  template ??= readTemplate();
  return await openPglite({ ...options, template: new Uint8Array(await template) });
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
      giveWay: async () => await open().giveWay(),
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
