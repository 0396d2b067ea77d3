import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { LakeQuery, LakeResult } from "@/domain/ports/lake.ts";
import type { Cells, Engine, Session } from "./engine.ts";
import type { FileHeaders } from "./file_headers.ts";
import { withHotRows } from "./hot_rows.ts";
import { closeTimeSql, lineSql, pickedSql } from "./read_sql.ts";
import { literal } from "./sql.ts";
import { filesPart, type Part, unionSql } from "./union_sql.ts";

export interface ReadContext {
  readonly engine: Engine;
  readonly session: Session;
  readonly headers: FileHeaders;
}

/** Candles as bytes that the engine builds: rows never become objects. */
export async function readCandles(context: ReadContext, query: LakeQuery): Promise<LakeResult> {
  const { hot } = query;
  const files = await fileParts(context, query.files);
  if (hot === undefined || hot === "") return await readParts(context, query, files);
  return await withHotRows(context.engine, hot, (sql, { width, scale }) => {
    const part = { sql, width, scale: { price: scale, volume: scale, quote: scale } };
    return readParts(context, query, [...files, part]);
  });
}

/** Files of one declared type are read together. */
async function fileParts(
  { session, headers }: ReadContext,
  paths: readonly string[],
): Promise<Part[]> {
  const declared = await Promise.all(
    paths.map(async (path) => ({ path, header: await headers.of(session, path) })),
  );
  const kinds = Map.groupBy(
    declared,
    ({ header: { scale, width } }) => JSON.stringify([scale, width]),
  );
  return [...kinds.values()].flatMap((kind) => {
    const [first] = kind;
    return first === undefined ? [] : [filesPart(kind.map(({ path }) => path), first.header)];
  });
}

async function readParts(
  context: ReadContext,
  query: LakeQuery,
  parts: readonly Part[],
): Promise<LakeResult> {
  const narrow = unionSql(parts, 18);
  if (narrow === undefined) return await packed(query, []);
  try {
    return await readFrom(context, { query, source: narrow });
  } catch (error) {
    const wide = unionSql(parts, 38);
    if (wide === undefined || wide === narrow || !isConversion(error)) throw error;
    return await readFrom(context, { query, source: wide });
  }
}

function isConversion(error: unknown): boolean {
  return error instanceof Error && /Conversion Error|Out of Range Error/i.test(error.message);
}

async function readFrom(
  { engine, session }: ReadContext,
  { query, source }: { query: LakeQuery; source: string },
): Promise<LakeResult> {
  const picked = pickedSql(source, query);
  if (query.format === "parquet") return await readParquet(engine, session, { query, picked });
  const separator = query.format === "csv" ? "e'\\n'" : "','";
  const [row] = await session.rows(`select ${factsSql(query)},
      string_agg(${lineSql(query)}, ${separator} order by open_time ${query.order})
        filter (place <= ${query.limit})
    from (${picked})`);
  return await packed(query, row ?? []);
}

function factsSql({ limit }: LakeQuery): string {
  const kept = `filter (place <= ${limit})`;
  return `count(*) ${kept}, min(open_time) ${kept}, max(open_time) ${kept}, count(*) > ${limit}`;
}

async function packed(query: LakeQuery, row: Cells): Promise<LakeResult> {
  const [rows, first, last, more, text] = row;
  const bytes = await format(query, typeof text === "string" ? text : "");
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

async function format({ format }: LakeQuery, lines: string): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  switch (format) {
    case "arrays":
    case "objects":
      return encoder.encode(`[${lines}]`);
    case "csv":
    case "parquet":
      return encoder.encode(`${KLINE_COLUMNS.join(",")}\n${lines}${lines === "" ? "" : "\n"}`);
    case "freqtrade": {
      const text = new Blob([`[${lines}]`]).stream().pipeThrough(new CompressionStream("gzip"));
      return await new Response(text).bytes();
    }
  }
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
        replace (${closeTimeSql(query.interval)} as close_time)
      from picked where place <= ${query.limit} order by open_time ${query.order})
      to ${literal(path)} (format parquet, compression zstd, parquet_version v2)`);
    return { ...facts(row ?? []), bytes: await Deno.readFile(path) };
  } finally {
    await session.run("drop table if exists temp.picked").catch(() => {});
    await Deno.remove(path).catch(() => {});
  }
}
