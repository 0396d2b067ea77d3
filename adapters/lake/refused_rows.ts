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
  const rows = `(select *, ${timeSql("cell")} as open_time
    from (select *, split_part("values", ',', 1) as cell from read_parquet(${literal(path)})))`;
  await session.run(`insert into ${table}
    select open_time, '${SOURCE_RANK[source]}', '${position}', reason, "row", "values"
    from ${rows} where open_time >= ${from} and open_time < ${to}`);
  const odd = session.stream(`select "row", reason, "values" from ${rows}
    where open_time is null and cell <> ''`);
  for await (const page of odd) {
    const rows = page.map(([row, reason, values]) => ({
      ...{ row: Number(row), reason: String(reason), values: String(values) },
    }));
    await session.append(table, textsOf(place, rows));
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
