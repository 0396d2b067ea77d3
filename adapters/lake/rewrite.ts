import type { FileFacts, KlineColumns, Scale } from "@/domain/ports/lake.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Session } from "./engine.ts";
import { factsOf, FILE_COLUMNS, fileHeader, fileRelation, writeFile } from "./period_file.ts";
import { literal } from "./sql.ts";
import { DECIMALS } from "./stage_sql.ts";

/** Facts of a file, read from it. Throws when it holds no candle. */
export async function describeFile(session: Session, path: string): Promise<FileFacts> {
  const header = await fileHeader(session, path);
  const found = await factsOf(session, fileRelation(path, header), header.scale);
  return known(found?.facts, path);
}

export async function rescaleFile(
  session: Session,
  { path, scale, outPath }: { path: string; scale: Scale; outPath: string },
): Promise<FileFacts> {
  const header = await fileHeader(session, path);
  const relation = fileRelation(path, header);
  return known(await writeFile(session, relation, { scale, outPath }), path);
}

export async function fileWithout(
  session: Session,
  { path, range: [from, to], outPath }: { path: string; range: OpenTimeRange; outPath: string },
): Promise<FileFacts | undefined> {
  const header = await fileHeader(session, path);
  const { sql, interval } = fileRelation(path, header);
  const rest = { interval, sql: `${sql} where open_time < ${from} or open_time >= ${to}` };
  return await writeFile(session, rest, { scale: header.scale, outPath });
}

/** Rows that cross to the main side in one answer: a larger one keeps reads waiting. */
const PAGE_ROWS = 10_000;

export interface ColumnsPage {
  readonly chunks: readonly KlineColumns[];
  /** Where to go on; undefined at the end of the file. */
  readonly lastOpenTime: number | undefined;
}

/** The next rows of a file as array literals, `size` rows each: the file is read once a page, not once a chunk. */
export async function columnsAfter(
  session: Session,
  { path, after, size }: { path: string; after: number; size: number },
): Promise<ColumnsPage> {
  const literals = FILE_COLUMNS.map((name) => {
    const text = DECIMALS.some((d) => d === name) ? `plain(${name})` : `"${name}"::varchar`;
    return `'{' || string_agg(coalesce(${text}, 'NULL'), ',' order by open_time) || '}'`;
  });
  const limit = Math.max(1, Math.floor(PAGE_ROWS / size)) * size;
  const found = await session.rows(`select count(*), max(open_time), ${literals.join(", ")}
    from (select *, (row_number() over (order by open_time) - 1) // ${size} as chunk
      from (select * from read_parquet(${literal(path)}) where open_time > ${after}
        order by open_time limit ${limit}))
    group by chunk order by chunk`);
  const chunks = found.map(([rows, , ...columns]) => ({
    rows: Number(rows),
    literals: columns.map(String),
  }));
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  return { chunks, lastOpenTime: rows < limit ? undefined : Number(found.at(-1)?.[1]) };
}

function known(facts: FileFacts | undefined, path: string): FileFacts {
  if (facts === undefined) throw new Error(`Cannot describe ${path}: it holds no candle`);
  return facts;
}
