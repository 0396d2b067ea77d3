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

/** The next rows of a file as array literals, and where to go on. */
export async function columnsAfter(
  session: Session,
  { path, after, size }: { path: string; after: number; size: number },
): Promise<{ columns: KlineColumns; lastOpenTime: number }> {
  const literals = FILE_COLUMNS.map((name) => {
    const text = DECIMALS.some((d) => d === name) ? `plain(${name})` : `"${name}"::varchar`;
    return `'{' || string_agg(coalesce(${text}, 'NULL'), ',' order by open_time) || '}'`;
  });
  const [row] = await session.rows(`select count(*), max(open_time), ${literals.join(", ")}
    from (select * from read_parquet(${literal(path)}) where open_time > ${after}
      order by open_time limit ${size})`);
  const [rows, last, ...columns] = row ?? [];
  return {
    columns: { rows: Number(rows), literals: columns.map(String) },
    lastOpenTime: Number(last),
  };
}

function known(facts: FileFacts | undefined, path: string): FileFacts {
  if (facts === undefined) throw new Error(`Cannot describe ${path}: it holds no candle`);
  return facts;
}
