import type { Database, SqlRow, SqlValue, Statement } from "@/events/store/database.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { Log } from "@/domain/ports/log.ts";
import { claimFolder, prepareFolder } from "./pglite_folder.ts";
import { createSpaceGuard } from "./disk_space.ts";
import { createTraffic } from "./give_way.ts";
import { createUpkeep } from "./pglite_upkeep.ts";
import type { WorkerOptions } from "./pglite_messages.ts";
import { PgliteRpc } from "./pglite_rpc.ts";
import { isStalePreparation, PreparedStatements, StatementNames } from "./prepared_statements.ts";
import { readReply, type RowMode, type WireReply } from "./wire_reader.ts";
import { WireWriter } from "./wire_writer.ts";

export interface PgliteOptions {
  /** `undefined`: in memory. */
  readonly dataDir?: string | undefined;
  /** PostgreSQL's size, e.g. `16MB`. */
  readonly sharedBuffers?: string | undefined;
  /** A dump for a new database in memory. */
  readonly template?: Uint8Array<ArrayBuffer> | undefined;
  readonly engine?: WorkerOptions["engine"];
  /** The engine broke or hangs: this process must end without touching it again. */
  readonly onFatal?: ((reason: string) => void) | undefined;
  /** A statement that takes longer than this counts as hanging; 10 minutes by default. */
  readonly watchdogMs?: number | undefined;
  readonly log?: Log | undefined;
}

export interface PgliteDatabase extends Database {
  /** The directory as a tar, for a template. */
  dump(): Promise<Uint8Array<ArrayBuffer>>;
  /** How often a file was made durable since the start. */
  fsyncs(): Promise<number>;
}

/** PostgreSQL in WASM, in a worker of its own: one connection, its statements one after the other. */
export async function openPglite(options: PgliteOptions = {}): Promise<PgliteDatabase> {
  const { dataDir, sharedBuffers, template, engine, log } = options;
  if (dataDir !== undefined) {
    await claimFolder(dataDir);
    await prepareFolder(dataDir, log);
  }
  const rpc = new PgliteRpc(options);
  await rpc.call({ type: "open", options: { dataDir, sharedBuffers, template, engine } });
  const statements = new PreparedStatements(new StatementNames());
  const listeners = new Map<string, Set<(payload: string) => void>>();

  const traffic = createTraffic();
  const guard = dataDir === undefined ? undefined : createSpaceGuard(dataDir);
  async function run(
    batch: readonly Statement[],
    { atomic, mode }: { atomic: boolean; mode: RowMode },
  ): Promise<unknown[][]> {
    for (const { sql } of guard === undefined ? [] : batch) await guard?.(sql);
    const prepared = statements.batch(batch, atomic);
    const reply = await traffic.during(exchange(prepared.bytes, mode));
    if (reply.error === undefined) {
      return atomic ? reply.results.slice(1, -1) : reply.results;
    }
    const stale = isStalePreparation(reply.error);
    statements.forget(prepared, stale);
    if (stale) return await run(batch, { atomic, mode });
    throw failure(reply);
  }

  async function exchange(bytes: Uint8Array<ArrayBuffer>, mode: RowMode): Promise<WireReply> {
    const reply = readReply(await rpc.call({ type: "run", bytes }), mode);
    for (const { channel, payload } of reply.notifications) {
      listeners.get(channel)?.forEach((listener) => listener(payload));
    }
    return reply;
  }

  async function script(sql: string): Promise<void> {
    const reply = await exchange(new WireWriter().query(sql).finish(), "objects");
    if (reply.error !== undefined) throw failure(reply);
  }

  async function single(sql: string, params: readonly SqlValue[], mode: RowMode) {
    const [rows = []] = await run([{ sql, params }], { atomic: false, mode });
    return rows;
  }

  await script("set timezone = 'UTC'");
  const database: Database = {
    engine: "pglite",
    query: async (sql, params = []) => trusted<SqlRow[]>(await single(sql, params, "objects")),
    values: async (sql, params = []) => trusted<unknown[][]>(await single(sql, params, "arrays")),
    async transaction(batch) {
      if (batch.length === 0) return [];
      return trusted<SqlRow[][]>(await run(batch, { atomic: true, mode: "objects" }));
    },
    script,
    giveWay: traffic.giveWay,
    async listen(channel, on) {
      const set = listeners.get(channel) ?? new Set();
      listeners.set(channel, set.add(on));
      await script(`listen ${quoted(channel)}`);
      return () => Promise.resolve(void set.delete(on));
    },
    close: async () => {
      clearInterval(lookAfter);
      await upkeeping;
      await rpc.close();
    },
  };
  const upkeep = createUpkeep({ database, log: options.log, nowMs: Date.now() });
  let upkeeping: Promise<unknown> = Promise.resolve();
  const lookAfter = setInterval(() => {
    upkeeping = upkeep.look(Date.now()).catch((error) =>
      options.log?.warn("database upkeep failed", { error: String(error) })
    );
  }, UPKEEP_EVERY_MS);
  Deno.unrefTimer(trusted<number>(lookAfter));
  return {
    ...database,
    dump: () => rpc.call({ type: "dump" }),
    fsyncs: () => rpc.count(),
  };
}

const UPKEEP_EVERY_MS = 30_000;

function failure({ error }: WireReply): DatabaseError {
  return new DatabaseError(error?.message ?? "unknown error", {
    sqlstate: error?.sqlstate,
    constraint: error?.constraint,
    cause: error,
  });
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
