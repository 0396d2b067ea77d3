import { and, eq, gt, inArray, isNull, or, sql } from "drizzle-orm";
import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { ArchivablePeriod } from "@/domain/klines/archive_plan.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { checkpointName } from "./checkpoints.ts";
import type { Db } from "./db.ts";
import { klinePeriodsTable as periods } from "./kline_periods.ts";
import { klinesTable } from "./klines.ts";
import { seriesTable as series } from "./series.ts";
import { tableShape } from "./table_shape.ts";
import { sideTable } from "./write_batch.ts";

/** Periods with candles that lack a file, or have rows besides; of all series when none is named. */
export async function listArchivable(
  db: Db,
  seriesIds?: readonly string[],
): Promise<ArchivablePeriod[]> {
  const rows = await db.select({
    seriesId: periods.seriesId,
    exchange: series.exchange,
    symbol: series.symbol,
    interval: series.interval,
    period: periods.period,
    candles: periods.candles,
    hotRows: periods.hotRows,
    lastOpenTime: periods.lastOpenTime,
    fileSha256: periods.fileSha256,
  }).from(periods).innerJoin(series, eq(series.seriesId, periods.seriesId)).where(and(
    gt(periods.candles, 0),
    or(isNull(periods.fileSha256), gt(periods.hotRows, 0)),
    seriesIds === undefined ? undefined : inArray(periods.seriesId, [...seriesIds]),
  ));
  return rows.map(({ fileSha256, exchange, symbol, interval, ...row }) => ({
    ...row,
    series: { exchange, symbol, interval: trusted<Interval>(interval) },
    filed: fileSha256 !== null,
  }));
}

/** What lies where, over all series. */
export interface ArchiveTotals {
  readonly filedPeriods: number;
  readonly filedCandles: number;
  readonly fileBytes: number;
  readonly hotRows: number;
}

export async function archiveTotals(db: Db): Promise<ArchiveTotals> {
  const filed = sql`filter (where ${periods.fileSha256} is not null)`;
  const [row] = await db.select({
    filedPeriods: sql<number>`count(*) ${filed}`.mapWith(Number),
    filedCandles: sql<number>`coalesce(sum(${periods.candles}) ${filed}, 0)`.mapWith(Number),
    fileBytes: sql<number>`coalesce(sum(${periods.fileSizeBytes}) ${filed}, 0)`.mapWith(Number),
    hotRows: sql<number>`coalesce(sum(${periods.hotRows}), 0)`.mapWith(Number),
  }).from(periods);
  return row ?? { filedPeriods: 0, filedCandles: 0, fileBytes: 0, hotRows: 0 };
}

/** Bytes that a hot row takes on average, its index and what is dead included; 0 without rows. */
export async function bytesPerHotRow(database: Database, hotRows: number): Promise<number> {
  if (hotRows === 0) return 0;
  const shape = tableShape(klinesTable);
  const [row] = await database.query(
    `select pg_total_relation_size(case side when 'a' then '${sideTable(shape, "a")}'::regclass
       else '${sideTable(shape, "b")}'::regclass end) as size
     from checkpoint where name = $1`,
    [checkpointName({ name: "klines", version: KLINES_VERSION })],
  );
  return trusted<{ size: number }>(row).size / hotRows;
}

const KLINES_VERSION = Number(/_v(\d+)$/.exec(tableShape(klinesTable).view)?.[1]);
