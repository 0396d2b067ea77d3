import type { Catalog, Recorded, StoredEvent } from "../define.ts";
import { trusted } from "../trust.ts";
import { uuidV5 } from "../uuid.ts";
import { createBatcher } from "./batcher.ts";
import { type Database, DatabaseError } from "./database.ts";
import { appendGroup, type GroupOutcome, prepare, type Prepared } from "./sql_append.ts";
import { EVENT_COLUMNS, recordedOf } from "./sql_rows.ts";
import { type Appended, type EventStore, type ReadAllOptions, VersionConflict } from "./store.ts";
import type { Upcasters } from "./upcast.ts";

export interface SqlStoreOptions {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly upcasters?: Upcasters;
}

export interface SqlEventStore extends EventStore {
  /** Every sha256 that any event names, in no order, with repeats. */
  blobReferences(): AsyncIterable<string>;
}

const MAX_EVENTS_A_COMMAND = 1_000;
const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;
/** Waits before another try when the database could not be reached. */
const RETRY_WAITS_MS = [50, 200, 800];

/** The log on PGlite or PostgreSQL; `migrate` has run. */
export async function createSqlStore(
  { database, catalog, upcasters = {} }: SqlStoreOptions,
): Promise<SqlEventStore> {
  const listeners = new Set<(events: readonly Recorded[]) => void>();
  const tell = (events: readonly Recorded[]) => listeners.forEach((listener) => listener(events));
  let ownPosition = 0;

  const unlisten = await database.listen("event", (payload) => {
    if (Number(payload) > ownPosition) tell([]);
  }, () => tell([]));

  const batcher = createBatcher<Prepared, Appended>({
    streams: ({ writes }) => writes.map(({ stream }) => stream),
    sizeBytes: ({ sizeBytes }) => sizeBytes,
    async write(group) {
      const outcomes = await retried(() => appendGroup(database, group));
      const fresh = outcomes.flatMap((outcome) => Array.isArray(outcome) ? outcome : []);
      if (fresh.length > 0) {
        ownPosition = Math.max(ownPosition, fresh.at(-1)?.position ?? 0);
        tell(fresh);
      }
      return await Promise.all(outcomes.map((outcome, i) => answer(outcome, group[i])));
    },
  });

  async function answer(
    outcome: GroupOutcome,
    command: Prepared | undefined,
  ): Promise<Appended | VersionConflict> {
    if (outcome instanceof VersionConflict) return outcome;
    const duplicate = outcome === "duplicate";
    const events = duplicate ? await findCommand(command?.meta.commandId ?? "") : outcome;
    return { position: events.at(-1)?.position ?? 0, events, duplicate };
  }

  async function select(where: string, params: readonly (string | number)[]): Promise<Recorded[]> {
    const rows = await database.query(`select ${EVENT_COLUMNS} from event ${where}`, params);
    return rows.map((row) => recordedOf(row, upcasters));
  }

  async function findCommand(commandId: string): Promise<readonly Recorded[]> {
    const first = await uuidV5(commandId, "0");
    const [found] = await database.query("select pos from event where id = $1::uuid", [first]);
    if (found === undefined) return [];
    const { pos } = trusted<{ pos: number }>(found);
    return await select(
      `where pos >= $1 and pos < $2 and meta ->> 'commandId' = $3 order by pos`,
      [pos, pos + MAX_EVENTS_A_COMMAND, commandId],
    );
  }

  return {
    async append(writes, meta) {
      const command = await prepare(writes, meta, { catalog, upcasters });
      if (command.events.length > MAX_EVENTS_A_COMMAND) {
        throw new RangeError(`Cannot append more than ${MAX_EVENTS_A_COMMAND} events at once`);
      }
      return await batcher.add(command);
    },
    async readStream<E extends StoredEvent>(
      stream: string,
      { fromVersion = 1, limit }: { fromVersion?: number; limit?: number } = {},
    ) {
      const events = trusted<Recorded<E>[]>(
        await select(
          `where stream = $1 and version >= $2 order by version ${
            limit === undefined ? "" : "limit $3"
          }`,
          limit === undefined ? [stream, fromVersion] : [stream, fromVersion, limit],
        ),
      );
      const last = events.at(-1);
      if (last !== undefined && limit === undefined) return { events, version: last.version };
      return { events, version: await streamVersion(database, stream) };
    },
    readAll: async (options) => {
      const { sql, params } = readAllSql(options);
      return (await database.query(sql, params)).map((row) => recordedOf(row, upcasters));
    },
    findCommand,
    async head() {
      const [row] = await database.query("select coalesce(max(pos), 0) as pos from event");
      return trusted<{ pos: number }>(row).pos;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    blobReferences: () => blobReferences(database),
    async close() {
      await batcher.idle();
      await unlisten();
      listeners.clear();
    },
  };
}

async function streamVersion(database: Database, stream: string): Promise<number> {
  const [row] = await database.query(
    "select version from event where stream = $1 order by version desc limit 1",
    [stream],
  );
  return row === undefined ? 0 : trusted<{ version: number }>(row).version;
}

function readAllSql(
  { after, limit, types, stream, maxBytes = DEFAULT_MAX_BYTES }: ReadAllOptions,
): { sql: string; params: (string | number | readonly string[])[] } {
  const params: (string | number | readonly string[])[] = [after, limit, maxBytes];
  const where = ["pos > $1"];
  if (types !== undefined) where.push(`type = any($${params.push(types)}::text[])`);
  if (stream !== undefined) where.push(`stream = $${params.push(stream)}`);
  // The window sees at most `limit` rows: the inner query ends there.
  const sql = `select ${EVENT_COLUMNS} from (
      select *, sum(pg_column_size(data)) over (order by pos) - pg_column_size(data) as before
      from (select ${EVENT_COLUMNS} from event where ${where.join(" and ")}
            order by pos limit $2) page) sized
    where before < $3 order by pos`;
  return { sql, params };
}

async function* blobReferences(database: Database): AsyncGenerator<string> {
  for (let after = 0;;) {
    const rows = trusted<{ pos: number; shas: string[] }[]>(
      await database.query(
        `select pos, array(select jsonb_path_query(data, '$.**.sha256') #>> '{}') as shas
         from event where pos > $1 and data @? '$.**.sha256' order by pos limit 1000`,
        [after],
      ),
    );
    for (const { shas } of rows) yield* shas;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.pos;
  }
}

/** An append that was committed although its answer was lost is recognised by its event ids. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (const waitMs of RETRY_WAITS_MS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseError) || !error.retryable) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
  return await work();
}
