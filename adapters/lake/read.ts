import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { LakeQuery, LakeResult } from "@/domain/ports/lake.ts";
import type { DecodedFiles } from "./decoded_files.ts";
import type { Cells, Engine, Session } from "./engine.ts";
import { isTooLarge } from "./engine_error.ts";
import type { FileHeaders } from "./file_headers.ts";
import { withHotRows } from "./hot_rows.ts";
import { closeTimeSql, lineSql } from "./line_sql.ts";
import type { FileHeader } from "./period_file.ts";
import { pickedSql } from "./read_sql.ts";
import { stagedType } from "./stage_sql.ts";
import { literal, literals } from "./sql.ts";
import { readBars } from "./read_bars.ts";
import { nearRange } from "./near_range.ts";
import { type OpenFile, readNearRows } from "./near_rows.ts";
import { type Part, type Source, unionOf } from "./union_sql.ts";

export interface ReadContext {
  readonly engine: Engine;
  readonly session: Session;
  readonly headers: FileHeaders;
  readonly decoded: DecodedFiles;
}

interface Readable {
  readonly parts: readonly Part[];
  /** Where the parts are nothing but files. */
  readonly files?: readonly OpenFile[];
}

/** Candles as bytes that the engine builds: rows never become objects. */
export async function readCandles(context: ReadContext, query: LakeQuery): Promise<LakeResult> {
  const { hot } = query;
  const files: OpenFile[] = [];
  for (const path of query.files) {
    files.push({ path, header: await context.headers.of(context.session, path) });
  }
  const read = async (hot: Part | undefined) => {
    const larger = await readLarger(context, query, { files, hot });
    if (larger !== undefined) return larger;
    const parts = fileParts(files);
    return await (hot === undefined
      ? readParts(context, query, { parts, files })
      : readParts(context, query, { parts: [...parts, hot] }));
  };
  if (hot === undefined || hot === "") return await read(undefined);
  return await withHotRows(context.engine, hot, read);
}

/** Undefined where the candles themselves must be read. */
async function readLarger(
  { session }: ReadContext,
  query: LakeQuery,
  held: { readonly files: readonly OpenFile[]; readonly hot: Part | undefined },
): Promise<LakeResult | undefined> {
  if (query.stored === query.interval || query.format === "parquet") return undefined;
  try {
    const found = await readBars(session, { query, ...held, partsOf: fileParts });
    if (found === undefined) return undefined;
    const { lines, ...facts } = found;
    return { ...facts, bytes: await format(query.format, lines) };
  } catch (error) {
    if (isTooLarge(error)) return undefined;
    throw error;
  }
}

/** Files of one declared type are read together. */
function fileParts(files: readonly OpenFile[]): Part[] {
  const kinds = Map.groupBy(
    files,
    ({ header }) => JSON.stringify([header.scale, header.width, header.hasDetail]),
  );
  return [...kinds.values()].flatMap((kind) => {
    const [first] = kind;
    return first === undefined ? [] : [{
      ...first.header,
      sql: `select ${selected(first.header).join(", ")}
        from read_parquet(${literals(kind.map(({ path }) => path))})`,
      firstOpenTime: Math.min(...kind.map(({ header }) => header.firstOpenTime)),
      lastOpenTime: Math.max(...kind.map(({ header }) => header.lastOpenTime)),
    }];
  });
}

/** A column without a value is not read, and costs the engine nothing from here on. */
function selected({ hasDetail, scale, width }: FileHeader): readonly string[] {
  if (hasDetail) return KLINE_COLUMNS;
  const { volume, quote } = scale;
  return [
    ...KLINE_COLUMNS.slice(0, 6),
    "null::bigint as close_time",
    `null::decimal(${width}, ${quote}) as quote_volume`,
    "null::bigint as trades_count",
    `null::decimal(${width}, ${volume}) as taker_buy_volume`,
    `null::decimal(${width}, ${quote}) as taker_buy_quote_volume`,
  ];
}

async function readParts(
  context: ReadContext,
  query: LakeQuery,
  readable: Readable,
): Promise<LakeResult> {
  const { parts } = readable;
  const narrow = unionOf(parts, 18);
  if (narrow === undefined) {
    if (query.format !== "parquet") return await packed(query.format, []);
    return await readFrom(context, { query, source: NO_CANDLES });
  }
  try {
    return await readNear(context, { ...readable, query, source: narrow }) ??
      await readFrom(context, { query, source: narrow });
  } catch (error) {
    const wide = unionOf(parts, 38);
    if (wide === undefined || wide === narrow || !isTooLarge(error)) throw error;
    return await readFrom(context, { query, source: wide });
  }
}

/** Parquet tells its columns also where it has no rows. */
const NO_CANDLES: Source = {
  ...{ scale: { price: 0, volume: 0, quote: 0 }, width: 18, hasDetail: true },
  sql: `select ${
    KLINE_COLUMNS.map((name) => `null::${stagedType(name, { width: 18, scale: 0 })} as ${name}`)
      .join(", ")
  } where false`,
};

async function readFrom(
  { engine, session }: ReadContext,
  { query, source }: { query: LakeQuery; source: Source },
): Promise<LakeResult> {
  const picked = pickedSql(source, query);
  if (query.format === "parquet") return await readParquet(engine, session, { query, picked });
  const [row] = await session.rows(`select ${factsSql(query)},
      ${linesSql(query, source)} filter (place <= ${query.limit}) from (${picked})`);
  return await packed(query.format, row ?? []);
}

/**
 * Reads only where the candles asked for must lie when there are no gaps: to look for the first
 * thousand in all of a month takes the engine three times as long. Undefined when counting shows
 * that there are gaps.
 */
async function readNear(
  context: ReadContext,
  { query, parts, files, source }: { query: LakeQuery; source: Source } & Readable,
): Promise<LakeResult | undefined> {
  const near = nearRange(query, parts);
  if (near === undefined || query.format === "parquet") return undefined;
  if (query.limit <= MAX_RAW_ROWS) {
    const found = await readNearRows(context, { query, near, files, source });
    if (found === undefined) return undefined;
    const { lines, ...facts } = found;
    return { ...facts, bytes: await format(query.format, lines) };
  }
  const [row] = await context.session.rows(
    `select count(*) filter (kept), min(open_time) filter (kept),
      max(open_time) filter (kept), count(*), ${linesSql(query, source)} filter (kept)
    from (select *, open_time >= ${near.kept[0]} and open_time < ${near.kept[1]} as kept
      from (${source.sql}) where open_time >= ${near.from} and open_time < ${near.to})`,
  );
  const [rows, first, last, all, text] = row ?? [];
  const isExact = near.isWhole ? Number(rows) <= query.limit : rows === query.limit && all !== rows;
  return isExact
    ? await packed(query.format, [
      rows ?? 0,
      first ?? null,
      last ?? null,
      !near.isWhole,
      text ?? null,
    ])
    : undefined;
}

/** Below this it is faster to read the values than to let the engine make text of them. */
const MAX_RAW_ROWS = 2_000;

function linesSql(query: LakeQuery, { scale }: Source): string {
  const separator = query.format === "csv" ? "e'\\n'" : "','";
  return `string_agg(${lineSql(query, scale)}, ${separator} order by open_time ${query.order})`;
}

function factsSql({ limit }: LakeQuery): string {
  const kept = `filter (place <= ${limit})`;
  return `count(*) ${kept}, min(open_time) ${kept}, max(open_time) ${kept}, count(*) > ${limit}`;
}

async function packed(form: TextFormat, row: Cells): Promise<LakeResult> {
  const [rows, first, last, more, text] = row;
  const bytes = await format(form, new TextEncoder().encode(typeof text === "string" ? text : ""));
  return { ...facts([rows ?? 0, first ?? null, last ?? null, more ?? false]), bytes };
}

function facts([rows, first, last, more]: Cells): Omit<LakeResult, "bytes"> {
  return {
    rows: Number(rows),
    firstOpenTime: typeof first === "number" ? first : undefined,
    lastOpenTime: typeof last === "number" ? last : undefined,
    more: more === true,
  };
}

type TextFormat = Exclude<LakeQuery["format"], "parquet">;

async function format(form: TextFormat, lines: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  switch (form) {
    case "arrays":
    case "objects":
      return framed("[", lines, "]");
    case "csv":
      return framed(`${KLINE_COLUMNS.join(",")}\n`, lines, lines.length === 0 ? "" : "\n");
    case "freqtrade": {
      const text = new Blob([framed("[", lines, "]")]).stream();
      return await new Response(text.pipeThrough(new CompressionStream("gzip"))).bytes();
    }
  }
}

function framed(
  before: string,
  lines: Uint8Array<ArrayBuffer>,
  after: string,
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(before.length + lines.length + after.length);
  bytes.set(encoder.encode(before));
  bytes.set(lines, before.length);
  bytes.set(encoder.encode(after), before.length + lines.length);
  return bytes;
}

async function readParquet(
  engine: Engine,
  session: Session,
  { query, picked }: { query: LakeQuery; picked: string },
): Promise<LakeResult> {
  const path = engine.tempPath("parquet");
  try {
    await session.run(`create or replace temp table picked as ${picked}`);
    const [row] = await session.rows(`select ${factsSql(query)} from picked`);
    await session.run(`copy (select * exclude (place)
        replace (${closeTimeSql(query)} as close_time)
      from picked where place <= ${query.limit} order by open_time ${query.order})
      to ${literal(path)} (format parquet, compression zstd, parquet_version v2)`);
    return { ...facts(row ?? []), bytes: await Deno.readFile(path) };
  } finally {
    await session.cleanUp("drop table if exists temp.picked");
    await Deno.remove(path).catch(() => {});
  }
}
