import { type Interval, isInterval, nextSlot } from "@/domain/klines/interval.ts";
import type { FileFacts, Scale } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import { isTooLarge } from "./engine_error.ts";
import { BARS_KEY, barsInterval, barsMetadata } from "./file_bars.ts";
import { literal, nextSlotSql, slotNumberSql, slotStartSql } from "./sql.ts";
import { BASE_VOLUMES, PRICES, QUOTE_VOLUMES } from "./stage_sql.ts";

/** All columns of a file, in order; the source is a rank. */
export const FILE_COLUMNS = [
  "open_time",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "close_time",
  "quote_volume",
  "trades_count",
  "taker_buy_volume",
  "taker_buy_quote_volume",
  "source",
] as const;

/** The columns that many files have no value in. */
export const DETAILS = FILE_COLUMNS.slice(6, 11);

export type FileColumn = typeof FILE_COLUMNS[number];

/** The columns as a select list; `source` is a word of the grammar. */
export const FILE_COLUMNS_SQL = FILE_COLUMNS.map(quoted).join(", ");

export function quoted(name: FileColumn): string {
  return name === "source" ? '"source"' : name;
}

/** Candles as a file has them: a select of {@linkcode FILE_COLUMNS}. */
export interface Relation {
  readonly sql: string;
  readonly interval: Interval;
}

/** What a file says of itself before its rows are read. */
export interface FileHeader {
  readonly interval: Interval;
  readonly scale: Scale;
  /** Declared digits of its decimals. */
  readonly width: number;
  readonly firstOpenTime: number;
  readonly lastOpenTime: number;
  readonly rows: number;
  /** Some candle has a value after the volume. */
  readonly hasDetail: boolean;
  /** Interval of the larger bars that lie in it; undefined where there are none that we can read. */
  readonly bars: Interval | undefined;
}

/** A month of 1m is one row group: smaller ones cost bytes and win no time. */
export const ROW_GROUP = 65_536;

export async function fileHeader(session: Session, path: string): Promise<FileHeader> {
  const meta = new Map(
    (await session.rows(`select decode(key), decode(value)
      from parquet_kv_metadata(${literal(path)}) where decode(key) <> '${BARS_KEY}'`)).map((
      [key, value],
    ) => [key, String(value)]),
  );
  const interval = meta.get("interval") ?? "";
  if (!isInterval(interval)) throw new Error(`Cannot read ${path}: it is no file of candles`);
  const [size] = await session.rows(`select num_rows from parquet_file_metadata(${literal(path)})`);
  const types = await session.rows(`select name, scale, precision
    from parquet_schema(${literal(path)}) where scale is not null`);
  const scales = new Map(types.map(([name, scale]) => [name, Number(scale)]));
  const of = (name: string) => scales.get(name) ?? 0;
  return {
    interval,
    scale: { price: of("open"), volume: of("volume"), quote: of("quote_volume") },
    width: Math.max(...types.map(([, , precision]) => Number(precision))),
    firstOpenTime: Number(meta.get("first_open_time")),
    lastOpenTime: Number(meta.get("last_open_time")),
    rows: Number(size?.[0]),
    hasDetail: meta.get("detail") !== "none",
    bars: barsInterval(meta.get("bars")),
  };
}

export function fileRelation(path: string, { interval }: Pick<FileHeader, "interval">): Relation {
  return { sql: `select ${FILE_COLUMNS_SQL} from read_parquet(${literal(path)})`, interval };
}

interface FoundFacts {
  readonly facts: FileFacts;
  /** Digits that its decimals need at the scale. */
  readonly width: 18 | 38;
  readonly hasDetail: boolean;
}

/** Facts of candles; `undefined` of none. The scale is the declared one, so it is given. */
export async function factsOf(
  session: Session,
  { sql, interval }: Relation,
  scale: Scale,
): Promise<FoundFacts | undefined> {
  const [row] = await session.rows(`select count(*), min(open_time), max(open_time),
      sum(hash(${FILE_COLUMNS.map(hashable).join(", ")}))::varchar,
      ${gaplessSql(interval)},
      ${fitsNarrow(PRICES, scale.price)} and ${fitsNarrow(BASE_VOLUMES, scale.volume)}
        and ${fitsNarrow(QUOTE_VOLUMES, scale.quote)},
      ${DETAILS.map((name) => `count(${name})`).join(" + ")} > 0
    from (${sql})`);
  const [rows, first, last, checksum, gapless, narrow, detail] = row ?? [];
  if (rows === undefined || rows === 0) return undefined;
  const [firstOpenTime, lastOpenTime] = [Number(first), Number(last)];
  const facts: FileFacts = {
    rows: Number(rows),
    firstOpenTime,
    lastOpenTime,
    held: gapless === true
      ? [[firstOpenTime, nextSlot(interval, lastOpenTime)]]
      : await islands(session, { sql, interval }),
    scale,
    checksum: String(checksum),
  };
  return { facts, width: narrow === true ? 18 : 38, hasDetail: detail === true };
}

/** A value in a form that is the same whatever the declared scale. */
function hashable(name: FileColumn): string {
  const isDecimal = [...PRICES, ...BASE_VOLUMES, ...QUOTE_VOLUMES].some((d) => d === name);
  return isDecimal ? `${name}::decimal(38, 18)` : `${quoted(name)}::bigint`;
}

/** Whether 18 digits hold all values at the scale: as doubles, which only err to the wider type. */
function fitsNarrow(columns: readonly string[], scale: number): string {
  const sizes = columns.flatMap((name) => [`max(${name})::double`, `-(min(${name})::double)`]);
  return `coalesce(greatest(${sizes.join(", ")}) < 1e${18 - scale}, true)`;
}

/** Each slot has one candle that opens with it; open times come once. */
function gaplessSql(interval: Interval): string {
  const number = slotNumberSql(interval, "open_time");
  return `count(*) = max(${number}) - min(${number}) + 1
    and bool_and(${slotStartSql(interval, "open_time")} = open_time)`;
}

/** Slots that candles lie in, as ranges of ms; each open time comes once. */
export async function slotRanges(
  session: Session,
  { sql, interval }: Relation,
): Promise<FileFacts["held"]> {
  const [row] = await session.rows(`select min(open_time), max(open_time), ${gaplessSql(interval)}
    from (${sql})`);
  const [first, last, gapless] = row ?? [];
  if (gapless === true) return [[Number(first), nextSlot(interval, Number(last))]];
  return await islands(session, { sql, interval });
}

async function islands(session: Session, { sql, interval }: Relation): Promise<FileFacts["held"]> {
  const ranges = await session.rows(`select min(slot), ${nextSlotSql(interval, "max(slot)")} from (
      select slot, n - row_number() over (order by n) as island from (
        select distinct ${slotStartSql(interval, "open_time")} as slot,
          ${slotNumberSql(interval, "open_time")} as n from (${sql})))
    group by island order by 1`);
  return ranges.map(([from, to]) => [Number(from), Number(to)]);
}

/** Writes candles sorted, exact, at this scale. Facts are those of the rows, not of the file. */
export async function writeFile(
  session: Session,
  relation: Relation,
  { scale, outPath }: { scale: Scale; outPath: string },
): Promise<FileFacts | undefined> {
  const found = await factsOf(session, relation, scale);
  if (found === undefined) return undefined;
  const { facts, width, hasDetail } = found;
  const columns = FILE_COLUMNS.map((name) =>
    `${typedColumn(name, scale, width)} as ${quoted(name)}`
  );
  const sql = `select ${columns.join(", ")} from (${relation.sql})`;
  const { interval } = relation;
  // Also in batches: one that is a whole period is the same blob as its file.
  const bars = await barsMetadata(session, { ...facts, sql, hasDetail, interval });
  await session.run(`copy (${sql} order by open_time)
    to ${literal(outPath)} (format parquet, compression zstd, compression_level 9,
      parquet_version v2, dictionary_size_limit 1, row_group_size ${ROW_GROUP},
      kv_metadata {interval: ${literal(interval)},
        first_open_time: '${facts.firstOpenTime}', last_open_time: '${facts.lastOpenTime}', detail: '${
    hasDetail ? "some" : "none"
  }'${bars}})`);
  return facts;
}

/** A column at the type that files of this scale declare; a value that does not fit fails. */
export function typedColumn(name: FileColumn, scale: Scale, width: 18 | 38): string {
  if (PRICES.some((price) => price === name)) return `${name}::decimal(${width}, ${scale.price})`;
  if (BASE_VOLUMES.some((v) => v === name)) return `${name}::decimal(${width}, ${scale.volume})`;
  if (QUOTE_VOLUMES.some((v) => v === name)) return `${name}::decimal(${width}, ${scale.quote})`;
  return `${quoted(name)}::${name === "source" ? "tinyint" : "bigint"}`;
}

/** At one type for a union: the engine's own choice between two decimal types may round. */
export function typedSql(sql: string, scale: Scale, width: 18 | 38): string {
  return `select ${typedColumns(scale, width)} from (${sql})`;
}

/** The file columns at their types, as a select list. */
export function typedColumns(scale: Scale, width: 18 | 38): string {
  return FILE_COLUMNS.map((name) => `${typedColumn(name, scale, width)} as ${quoted(name)}`)
    .join(", ");
}

/** The narrow decimal type is ten times as fast where all values fit. */
export async function inNarrowOrWide(work: (width: 18 | 38) => Promise<void>): Promise<void> {
  try {
    await work(18);
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    await work(38);
  }
}
