import { widerScale } from "@/domain/klines/scale.ts";
import type { RevisionsInput, Scale } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import {
  FILE_COLUMNS,
  FILE_COLUMNS_SQL,
  fileHeader,
  fileRelation,
  inNarrowOrWide,
  quoted,
  ROW_GROUP,
  typedColumns,
  typedSql,
} from "./period_file.ts";
import { collectInline, inlineSql } from "./inline_rows.ts";
import { collectRefused, refusedSql, REVISION_COLUMNS_SQL } from "./refused_rows.ts";
import { literal } from "./sql.ts";

/**
 * Writes the candles of the sources and of events that the current file does not hold as they are,
 * the refused rows of its period, and what was kept before. Answers how many there are; without any,
 * no file is written.
 */
export async function writeRevisions(
  session: Session,
  { current, sources, inline, refused, range, previous, outPath }: RevisionsInput & {
    readonly outPath: string;
  },
): Promise<number> {
  const paths = [current, ...sources.map(({ path }) => path)];
  const known = previous === undefined ? paths : [...paths, previous];
  const headers = [];
  for (const path of known) headers.push(await fileHeader(session, path));
  const interval = headers[0]?.interval ?? "1m";
  const table = `revisions_${crypto.randomUUID().replaceAll("-", "")}`;
  const refusedTable = `refused_${table}`;
  const inlineTable = `inline_${table}`;
  const typed = (path: string, scale: Scale, width: 18 | 38) =>
    typedSql(fileRelation(path, { interval }).sql, scale, width);
  try {
    const inlineScale = await collectInline(session, inlineTable, inline);
    const scale = headers.map((header) => header.scale).reduce(widerScale, inlineScale);
    await collectRefused(session, refusedTable, { refused, range });
    const before = previous === undefined ? undefined : await keptSql(session, previous);
    await inNarrowOrWide(async (width) => {
      const superseded = [
        inlineSql(inlineTable, { scale, width }),
        ...sources.map(({ path, position }) =>
          `select *, ${position} as position from (${typed(path, scale, width)})`
        ),
      ].join(" union all ");
      const kept = (reason: string) =>
        before === undefined ? "" : `union all select ${typedColumns(scale, width)},
          ${REVISION_COLUMNS_SQL} from (${before}) where reason ${reason}`;
      await session.run(`create or replace table ${table} as
        select ${FILE_COLUMNS_SQL}, min(position)::bigint as position, reason, "row", "values" from (
          select *, 'superseded' as reason, null::bigint as "row", null::varchar as "values"
          from (${superseded}) s where not exists (
            select 1 from (${typed(current, scale, width)}) c where ${sameSql()})
          ${kept("= 'superseded'")})
        group by all
        union all select distinct * from (
          ${refusedSql(refusedTable, { scale, width })} ${kept("<> 'superseded'")})`);
    });
    const [row] = await session.rows(
      `select count(*), min(open_time), max(open_time) from ${table}`,
    );
    const [rows, first, last] = row ?? [];
    if (Number(rows) === 0) return 0;
    await session.run(`copy (select * from ${table} order by open_time, position, "row")
      to ${literal(outPath)} (format parquet, compression zstd, compression_level 9,
        parquet_version v2, row_group_size ${ROW_GROUP}, kv_metadata {
          interval: ${literal(interval)}, first_open_time: '${Number(first)}',
          last_open_time: '${Number(last)}', detail: 'some'})`);
    return Number(rows);
  } finally {
    await session.cleanUp(`drop table if exists ${table}`);
    await session.cleanUp(`drop table if exists ${refusedTable}`);
    await session.cleanUp(`drop table if exists ${inlineTable}`);
  }
}

/** Revisions that were written before refused rows were kept there lack their columns. */
async function keptSql(session: Session, path: string): Promise<string> {
  const found = await session.rows(`select 1 from parquet_schema(${literal(path)})
    where name = 'values'`);
  const added = found.length > 0 ? "" : `, null::bigint as "row", null::varchar as "values"`;
  return `select *${added} from read_parquet(${literal(path)})`;
}

/** The same candle in every column. */
function sameSql(): string {
  const details = FILE_COLUMNS.map((name) =>
    `c.${quoted(name)} is not distinct from s.${quoted(name)}`
  );
  return ["c.open_time = s.open_time", ...details].join(" and ");
}
