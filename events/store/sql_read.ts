import type { EventMeta, Recorded, StoredEvent } from "../define.ts";
import { trusted } from "../trust.ts";
import { uuidV5 } from "../uuid.ts";
import type { Database, SqlRow, SqlValue } from "./database.ts";
import { subjectOf, unseal } from "./seal.ts";
import type { EventStore, ReadAllOptions } from "./store.ts";
import type { SubjectKeys } from "./subject_keys.ts";
import { upcast, type Upcasters } from "./upcast.ts";

const COLUMNS = "pos, stream, version, id, type, schema, data, meta, at";

export interface LogReaderOptions {
  readonly database: Database;
  readonly upcasters: Upcasters;
  readonly keys: Pick<SubjectKeys, "forReading">;
}

const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;
const COMMAND_PAGE = 16;
const REFERENCE_WINDOW = 20_000;

/** The reads of the log. Each is one statement, so that it sees one moment. */
export function createLogReader(
  options: LogReaderOptions,
): Pick<EventStore, "readStream" | "readAll" | "findCommand" | "head"> & {
  blobReferences(): AsyncIterable<string>;
} {
  const { database } = options;

  async function select(sql: string, params: readonly SqlValue[]): Promise<Recorded[]> {
    return await recordedRows(await database.query(sql, params), options);
  }

  async function readAll(request: ReadAllOptions): Promise<Recorded[]> {
    const { sql, params } = readAllSql(request);
    return await select(sql, params);
  }

  async function head(): Promise<number> {
    const [row] = await database.query("select coalesce(max(pos), 0) as pos from event");
    return trusted<{ pos: number }>(row).pos;
  }

  return {
    readAll,
    head,
    async readStream<E extends StoredEvent>(
      stream: string,
      { fromVersion = 1, limit }: { fromVersion?: number; limit?: number } = {},
    ) {
      const rows = await database.query(STREAM, [stream, fromVersion, limit ?? null]);
      const found = rows.filter(({ pos }) => pos !== null);
      const events = trusted<Recorded<E>[]>(await recordedRows(found, options));
      return { events, version: trusted<{ head: number }>(rows[0]).head };
    },
    async findCommand(commandId) {
      const found = await select(COMMAND, [uuidV5(commandId, "0"), COMMAND_PAGE]);
      for (let page = found; page.length > 0;) {
        const foreign = found.findIndex(({ meta }) => meta.commandId !== commandId);
        if (foreign !== -1) return found.slice(0, foreign);
        page = await readAll({ after: found.at(-1)?.position ?? 0, limit: 1_000 });
        found.push(...page);
      }
      return found;
    },
    async *blobReferences() {
      const last = await head();
      for (let after = 0; after < last; after += REFERENCE_WINDOW) {
        const rows = await database.query(REFERENCES, [after, after + REFERENCE_WINDOW]);
        yield* trusted<{ sha256: string }[]>(rows).map(({ sha256 }) => sha256);
      }
    },
  };
}

/** The head stands in every row, and alone in one when there are no events to return. */
const STREAM = `select h.head, e.* from
  (select coalesce(max(version), 0) as head from event where stream = $1) h
  left join lateral (select ${COLUMNS} from event where stream = $1 and version >= $2
                     order by version limit $3::bigint) e on true
  order by e.version`;

/** A command's events are contiguous. */
const COMMAND = `select e.* from (select pos from event where id = $1::uuid) f
  cross join lateral (select ${COLUMNS} from event v where v.pos >= f.pos
                      order by v.pos limit $2::bigint) e
  order by e.pos`;

const REFERENCES = `select distinct r #>> '{}' as sha256
  from event cross join lateral jsonb_path_query(data, '$.**.sha256') r
  where pos > $1 and pos <= $2 and jsonb_typeof(r) = 'string'`;

function readAllSql(
  { after, limit, types, stream, maxBytes = DEFAULT_MAX_BYTES }: ReadAllOptions,
): { sql: string; params: SqlValue[] } {
  const params: SqlValue[] = [after, limit, maxBytes];
  // The window sees at most `limit` rows: the page ends there.
  const sql = `select ${COLUMNS} from (
      select *, sum(pg_column_size(data)) over (
        order by pos rows between unbounded preceding and 1 preceding) as before
      from (${page()}) page) sized
    where before is null or before < $3::bigint order by pos`;
  return { sql, params };

  function page(): string {
    if (stream !== undefined) {
      const typed = types === undefined ? "" : `and type = any($${params.push(types)}::text[])`;
      // Within a stream the order of versions is that of positions.
      return `select ${COLUMNS} from event
        where stream = $${params.push(stream)} and pos > $1 ${typed}
        order by version limit $2::bigint`;
    }
    if (types === undefined) {
      return `select ${COLUMNS} from event where pos > $1 order by pos limit $2::bigint`;
    }
    // A walk of the index for each type. Written as an equality, a planner that thinks a rare type
    // frequent would search the log for it.
    return `select e.* from unnest($${params.push([...new Set(types)])}::text[]) t(wanted)
      cross join lateral (select ${COLUMNS} from event v
                          where (v.type, v.pos) > (t.wanted, $1::bigint) and v.type <= t.wanted
                          order by v.type, v.pos limit $2::bigint) e
      order by e.pos limit $2::bigint`;
  }
}

interface EventRow {
  readonly pos: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta: EventMeta;
  readonly at: Date;
}

async function recordedRows(
  rows: readonly SqlRow[],
  { upcasters, keys }: LogReaderOptions,
): Promise<Recorded[]> {
  const events = trusted<readonly EventRow[]>(rows);
  const subjects = events.flatMap(({ data }) => subjectOf(data) ?? []);
  if (subjects.length === 0) return events.map((row) => recordedRow(row, upcasters));
  const known = await keys.forReading([...new Set(subjects)]);
  return await Promise.all(events.map(async (row) => {
    const key = known.get(subjectOf(row.data) ?? "") ?? null;
    return recordedRow({ ...row, data: await unseal(row.data, { key, id: row.id }) }, upcasters);
  }));
}

function recordedRow(row: EventRow, upcasters: Upcasters): Recorded {
  const { pos, stream, version, id, type, meta, at } = row;
  const { schema, data } = upcast(row, upcasters);
  return { position: pos, stream, version, id, type, schema, data, meta, at };
}
