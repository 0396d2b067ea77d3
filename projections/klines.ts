import { getTableName } from "drizzle-orm";
import { bigint, numeric, pgTable, primaryKey, smallint } from "drizzle-orm/pg-core";
import { BlobMissing, type Blobs } from "@/events/blobs/blobs.ts";
import type { KlineEvent, KlineRow } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { DatabaseError, type SqlScalar, type Statement } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { outdatesRows } from "@/domain/kline_period.ts";
import { SOURCE_RANK } from "@/domain/klines/candle.ts";
import type { Lake } from "@/domain/ports/lake.ts";
import type { EventStore } from "@/events/store/store.ts";
import { byteText } from "./byte_text.ts";
import { checkpointName } from "./checkpoints.ts";
import type { BulkContext, BulkProjection } from "./define.ts";
import { klinePeriods } from "./kline_periods.ts";
import { removeRows } from "./drop_rows.ts";
import { lendBatch } from "./lend_batch.ts";
import { seriesTable } from "./series.ts";

const VERSION = 1;

const decimal = (name: string) => numeric(name);
export const klinesTable = pgTable(`klines_v${VERSION}`, {
  seriesId: byteText("series_id").notNull(),
  openTime: bigint("open_time", { mode: "number" }).notNull(),
  open: decimal("open").notNull(),
  high: decimal("high").notNull(),
  low: decimal("low").notNull(),
  close: decimal("close").notNull(),
  volume: decimal("volume").notNull(),
  /** Null when regular: open_time + interval − 1. */
  closeTime: bigint("close_time", { mode: "number" }),
  quoteVolume: decimal("quote_volume"),
  tradesCount: bigint("trades_count", { mode: "number" }),
  takerBuyVolume: decimal("taker_buy_volume"),
  takerBuyQuoteVolume: decimal("taker_buy_quote_volume"),
  /** Rank: api 1, import 2, exchange 3. */
  source: smallint("source").notNull(),
  /** Position of the event that brought the row. */
  pos: bigint("pos", { mode: "number" }).notNull(),
}, (table) => [primaryKey({ columns: [table.seriesId, table.openTime] })]);

/** What `klines` is called among the checkpoints. */
export const KLINES_CHECKPOINT = checkpointName({ name: "klines", version: VERSION });

/** Column names in the order of {@linkcode HotRows}, with their SQL types. */
const COLUMNS = [
  ["open_time", "bigint"],
  ["open", "numeric"],
  ["high", "numeric"],
  ["low", "numeric"],
  ["close", "numeric"],
  ["volume", "numeric"],
  ["close_time", "bigint"],
  ["quote_volume", "numeric"],
  ["trades_count", "bigint"],
  ["taker_buy_volume", "numeric"],
  ["taker_buy_quote_volume", "numeric"],
  ["source", "smallint"],
] as const;

/** One transaction of a month would silence PGlite's only connection for 0.6 s. */
const CHUNK_ROWS = { pglite: 1_000, postgres: 10_000 } as const;

/** Chunks written at the same time: each is a transaction that asks for the checkpoint itself. */
const LANES = { pglite: 1, postgres: 2 } as const;

const UNIQUE_VIOLATION = "23505";

interface Deps {
  readonly blobs: Blobs;
  readonly lake: Pick<Lake, "columns">;
  readonly store: Pick<EventStore, "readAll">;
}

/** The hot rows: candles that lie in the database. Small batches come in the event, large ones in a blob. */
export function klines(deps: Deps): BulkProjection {
  return {
    kind: "bulk",
    name: "klines",
    version: VERSION,
    table: klinesTable,
    types: ["KlinesRecorded", "KlinesArchived", "HotRowsDropped", "KlinesDeleted"],
    views: [PEOPLE_VIEW],
    // A reader that knows of candles must find their rows.
    together: [klinePeriods.name],
    weight: (event) => weightOf(trusted<Recorded<KlineEvent>>(event)),
    async apply(events, context) {
      let waiting: Batch[] = [];
      for (const event of trusted<readonly Recorded<KlineEvent>[]>(events)) {
        if (event.type === "KlinesRecorded" && event.data.blob === null) {
          const { seriesId, source, candles } = event.data;
          waiting.push({ seriesId, rank: SOURCE_RANK[source], pos: event.position, candles });
          continue;
        }
        await flush(waiting, context);
        waiting = [];
        if (event.type === "KlinesRecorded") await load(event, context, deps);
        else await removeRows(event, context);
      }
      await flush(waiting, context);
    },
  };
}

/** Hot candles under names and timestamps that people read. */
const PEOPLE_VIEW = {
  name: "klines",
  sql: (table: string) =>
    `select s.exchange, s.symbol, s.interval, to_timestamp(k.open_time / 1000.0) as open_at,
       k.open_time, k.open, k.high, k.low, k.close, k.volume, k.close_time, k.quote_volume,
       k.trades_count, k.taker_buy_volume, k.taker_buy_quote_volume,
       case k.source when 3 then 'exchange' when 2 then 'import' else 'api' end as source
     from ${table} k join ${getTableName(seriesTable)} s on s.series_id = k.series_id`,
};

function weightOf({ type, data }: Recorded<KlineEvent>): number {
  switch (type) {
    case "KlinesRecorded":
      return data.ingested + data.revised;
    case "HotRowsDropped":
      return data.rows;
    case "KlinesArchived":
      return outdatesRows(data) ? data.rows : 1;
    case "KlinesDeleted":
    case "KlinesFoundAbsent":
    case "KlineBatchesCompacted":
      return 1;
  }
}

interface Batch {
  readonly seriesId: string;
  readonly rank: number;
  readonly pos: number;
  readonly candles: readonly KlineRow[];
}

async function flush(batches: readonly Batch[], context: BulkContext): Promise<void> {
  // The newest of one key wins here: one statement must not touch a row twice.
  const newest = new Map<string, readonly SqlScalar[]>();
  for (const { seriesId, rank, pos, candles } of batches) {
    for (const row of candles) newest.set(`${seriesId}|${row[0]}`, [...row, rank, seriesId, pos]);
  }
  const rows = [...newest.values()];
  const size = CHUNK_ROWS[context.engine];
  for (let start = 0; start < rows.length; start += size) {
    const chunk = rows.slice(start, start + size);
    const params = [...COLUMNS, "series_id", "pos"].map((_, i) =>
      chunk.map((row) => row[i] ?? null)
    );
    await context.run(upsert(context, {
      params,
      rows: `unnest(${COLUMNS.map(([, type], i) => `$${i + 1}::${type}[]`).join(", ")},
        $${COLUMNS.length + 1}::text[], $${COLUMNS.length + 2}::bigint[])`,
      names: [...COLUMNS.map(([name]) => name), "series_id", "pos"],
    }));
  }
}

async function load(
  { data, position, stream }: Recorded<Extract<KlineEvent, { type: "KlinesRecorded" }>>,
  context: BulkContext,
  { lake, ...deps }: Deps,
): Promise<void> {
  const { seriesId, blob, revised } = data;
  if (blob === null) throw new BlobMissing("none");
  const file = await lendBatch(deps, { stream, position, blob });
  if (file === undefined) return;
  const chunks = lake.columns(file.path, CHUNK_ROWS[context.engine])[Symbol.asyncIterator]();
  try {
    let failed = false;
    const lane = async () => {
      for (let at = await chunks.next(); at.done !== true && !failed; at = await chunks.next()) {
        const rows = loaded(at.value.literals, { seriesId, position });
        if (revised > 0) await context.run(upsert(context, rows));
        else await insertOrUpsert(context, rows);
      }
    };
    const lanes = Array.from({ length: LANES[context.engine] }, () =>
      lane().catch((error) => {
        failed = true;
        throw error;
      }));
    // None may still write when the others give up.
    for (const end of await Promise.allSettled(lanes)) {
      if (end.status === "rejected") throw end.reason;
    }
  } finally {
    await chunks.return?.();
    file.release();
  }
}

/** Rows that nobody holds yet go in a third faster when no conflict is looked for; some may be there when a batch is tried again. */
async function insertOrUpsert(context: BulkContext, rows: Rows): Promise<void> {
  try {
    await context.run(insert(context, rows));
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.sqlstate !== UNIQUE_VIOLATION) throw error;
    await context.run(upsert(context, rows));
  }
}

/** Columns without a value are not sent: a half of the work where only prices and volume are known. */
function loaded(
  literals: readonly string[],
  { seriesId, position }: { seriesId: string; position: number },
): Rows {
  const carried = COLUMNS.map((column, i) => ({ column, literal: literals[i] ?? "{}" }))
    .filter(({ literal }) => /\d/.test(literal));
  const names = carried.map(({ column: [name] }) => name);
  const arrays = carried.map(({ column: [, type] }, i) => `$${i + 1}::${type}[]`);
  const values = COLUMNS.map(([name, type]) =>
    names.includes(name) ? `u.${name}` : `null::${type}`
  );
  return {
    params: [...carried.map(({ literal }) => literal), seriesId, position],
    rows: `(select ${values.join(", ")}, $${carried.length + 1}::text, $${
      carried.length + 2
    }::bigint
      from unnest(${arrays.join(", ")}) u(${names.join(", ")}))`,
    names: [...COLUMNS.map(([name]) => name), "series_id", "pos"],
  };
}

interface Rows {
  readonly params: NonNullable<Statement["params"]>;
  /** A table expression with the columns `names`. */
  readonly rows: string;
  readonly names: readonly string[];
}

function insert({ table, guard }: BulkContext, { params, rows, names }: Rows): Statement {
  return {
    sql: `insert into ${table} as held (${names.join(", ")})
      select r.* from ${rows} r(${names.join(", ")}) where ${guard(params.length)}`,
    params,
  };
}

function upsert(context: BulkContext, rows: Rows): Statement {
  const set = rows.names.filter((n) => n !== "series_id" && n !== "open_time")
    .map((n) => `${n} = excluded.${n}`).join(", ");
  const { sql } = insert(context, rows);
  return {
    sql: `${sql}
      on conflict (series_id, open_time) do update set ${set} where held.pos < excluded.pos`,
    params: rows.params,
  };
}
