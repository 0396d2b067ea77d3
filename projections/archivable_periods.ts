import { and, asc, eq, gt, inArray, isNotNull, isNull, lt, max, or, sql } from "drizzle-orm";
import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { ArchivablePeriod } from "@/domain/klines/archive_plan.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import type { Db } from "./db.ts";
import { klinePeriodsTable as periods } from "./kline_periods.ts";
import { klinesTable } from "./klines.ts";
import { seriesTable as series } from "./series.ts";
import { tableShape } from "./table_shape.ts";

/** Which period of which series a row is of. */
const PLACE = {
  seriesId: periods.seriesId,
  exchange: series.exchange,
  symbol: series.symbol,
  interval: series.interval,
  period: periods.period,
} as const;

/** Periods with candles that lack a file, or have rows besides; of all series when none is named. */
export async function listArchivable(
  db: Db,
  seriesIds?: readonly string[],
): Promise<ArchivablePeriod[]> {
  const newest = db.select({
    seriesId: periods.seriesId,
    newestOpenTime: max(periods.lastOpenTime).as("newest_open_time"),
  }).from(periods).groupBy(periods.seriesId).as("newest");
  const rows = await db.select({
    ...PLACE,
    watched: series.watched,
    newestOpenTime: newest.newestOpenTime,
    candles: periods.candles,
    hotRows: periods.hotRows,
    firstOpenTime: periods.firstOpenTime,
    lastOpenTime: periods.lastOpenTime,
    fileSha256: periods.fileSha256,
  }).from(periods).innerJoin(series, eq(series.seriesId, periods.seriesId)).innerJoin(
    newest,
    eq(newest.seriesId, periods.seriesId),
  ).where(and(
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

/** A filed period of a series. */
export interface FiledPlace {
  readonly series: SeriesRef;
  readonly seriesId: string;
  readonly period: string;
}

/** Filed periods whose files hold fewer decimals than their series needs; of all series when none is named. */
export async function listNarrowFiles(
  db: Db,
  seriesIds?: readonly string[],
): Promise<FiledPlace[]> {
  const rows = await db.select(PLACE).from(periods).innerJoin(
    series,
    eq(series.seriesId, periods.seriesId),
  ).where(and(
    isNotNull(periods.fileSha256),
    or(
      lt(periods.priceScale, series.priceScale),
      lt(periods.volumeScale, series.volumeScale),
      lt(periods.quoteScale, series.quoteScale),
    ),
    seriesIds && inArray(periods.seriesId, [...seriesIds]),
  )).orderBy(asc(periods.key));
  return rows.map(({ seriesId, period, exchange, symbol, interval }) => ({
    ...{ seriesId, period },
    series: { exchange, symbol, interval: trusted<Interval>(interval) },
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

/**
 * Bytes that a hot row and its index entry take on average, by what some rows hold: a table's size would
 * count the room of rows that were dropped. 0 without rows. Sizes as in PostgreSQL's "Database Page Layout".
 */
export async function bytesPerHotRow(database: Database): Promise<number> {
  const [row] = await database.query(
    `select coalesce(avg(pg_column_size(k)), 0)::float8 as heap,
       coalesce(avg(pg_column_size(k.series_id)), 0)::float8 as id
     from (select * from ${tableShape(klinesTable).view} limit ${SAMPLED_ROWS}) k`,
    [],
  );
  const { heap, id } = trusted<{ heap: number; id: number }>(row);
  if (heap === 0) return 0;
  const entry = ENTRY_HEADER_BYTES + Math.ceil(id / 8) * 8 + OPEN_TIME_BYTES;
  return (Math.ceil(heap / 8) * 8 + LINE_POINTER_BYTES + entry + LINE_POINTER_BYTES) / FILLED;
}

const SAMPLED_ROWS = 1_000;
const LINE_POINTER_BYTES = 4;
const ENTRY_HEADER_BYTES = 8;
const OPEN_TIME_BYTES = 8;
/** Pages have a header and an end that no row fits in; index pages are left a tenth empty. */
const FILLED = 0.95;
