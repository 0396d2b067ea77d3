import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { SOURCE_RANK } from "@/domain/klines/candle.ts";
import { rejectedOpenTime } from "@/domain/klines/rejected_rows.ts";
import type { RefusedRows, RevisionsInput, Scale } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import { FILE_COLUMNS, quoted, typedColumns } from "./period_file.ts";
import { literal } from "./sql.ts";
import { timeSql } from "./times_sql.ts";

/** What a row of revisions says besides the candle; the last two are those of refused rows alone. */
export const REVISION_COLUMNS_SQL = `position, reason, "row", "values"`;

/** Collects the refused rows that name an open time of the range into a new table of texts. */
export async function collectRefused(
  session: Session,
  table: string,
  { refused, range }: Pick<RevisionsInput, "refused" | "range">,
): Promise<void> {
  await session.run(`create table ${table} (open_time varchar, source_rank varchar,
    position varchar, reason varchar, "row" varchar, "values" varchar)`);
  const few: string[][] = [];
  for (const batch of refused) {
    if (batch.path === undefined) few.push(...textsOf({ table, batch, range }, batch.rows));
    else await readBlob(session, { table, batch, range }, batch.path);
  }
  await session.append(table, few);
}

/** Selects them as rows of revisions: what was refused has no candle, only its text. */
export function refusedSql(
  table: string,
  { scale, width }: { scale: Scale; width: 18 | 38 },
): string {
  const columns = FILE_COLUMNS.map((name) => {
    if (name === "open_time") return "open_time::bigint as open_time";
    return name === "source" ? `source_rank as "source"` : `null as ${quoted(name)}`;
  });
  return `select ${typedColumns(scale, width)}, position::bigint as position, reason,
      "row"::bigint as "row", "values"
    from (select ${columns.join(", ")}, position, reason, "row", "values" from ${table})`;
}

interface Place {
  readonly table: string;
  readonly batch: RefusedRows;
  readonly range: OpenTimeRange;
}

async function readBlob(session: Session, place: Place, path: string): Promise<void> {
  const { table, batch: { position, source }, range: [from, to] } = place;
  const timed = timedSql(`read_parquet(${literal(path)})`);
  await session.run(`insert into ${table}
    select open_time, '${SOURCE_RANK[source]}', '${position}', reason, "row", "values"
    from ${timed} where open_time >= ${from} and open_time < ${to}`);
  for await (const rows of oddRows(session, timed)) {
    await session.append(table, textsOf(place, rows));
  }
}

/** First open time that rows of this relation name, and one past the last; empty where none does. */
export async function refusedTimes(session: Session, relation: string): Promise<OpenTimeRange> {
  const timed = timedSql(relation);
  const [found] = await session.rows(`select min(open_time), max(open_time) from ${timed}`);
  let [first, last] = [Infinity, -Infinity];
  const add = (time: number) => [first, last] = [Math.min(first, time), Math.max(last, time)];
  for (const time of found ?? []) if (time !== null) add(Number(time));
  for await (const rows of oddRows(session, timed)) {
    for (const { values } of rows) {
      const time = rejectedOpenTime(values);
      if (time !== undefined) add(time);
    }
  }
  return first > last ? [0, 0] : [first, last + 1];
}

/** Refused rows with their first cell, and as open time what the engine reads of it. */
function timedSql(relation: string): string {
  return `(select *, ${timeSql("cell")} as open_time
    from (select *, split_part("values", ',', 1) as cell from ${relation}))`;
}

/** Those of which the engine reads no open time. */
async function* oddRows(session: Session, timed: string): AsyncGenerator<RefusedRows["rows"]> {
  const odd = session.stream(`select "row", reason, "values" from ${timed}
    where open_time is null and cell <> ''`);
  for await (const page of odd) {
    yield page.map(([row, reason, values]) => ({
      ...{ row: Number(row), reason: String(reason), values: String(values) },
    }));
  }
}

/** Of the rows that name an open time of the range. */
function textsOf(
  { batch: { position, source }, range: [from, to] }: Place,
  rows: RefusedRows["rows"],
): string[][] {
  return rows.flatMap(({ row, reason, values }) => {
    const time = rejectedOpenTime(values);
    if (time === undefined || time < from || time >= to) return [];
    return [[time, SOURCE_RANK[source], position, reason, row, values].map(String)];
  });
}
