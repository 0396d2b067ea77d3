import { and, asc, eq, inArray, isNotNull } from "drizzle-orm";
import { pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { trusted } from "@/events/trust.ts";
import type { ArchiveEvent } from "@/events/catalog/archive.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import type { VerifiableFile, VerifyRound } from "@/domain/klines/verify_plan.ts";
import type { FiledPlace } from "./archivable_periods.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";
import { klinePeriodsTable as periods, periodKey } from "./kline_periods.ts";
import { seriesTable as series } from "./series.ts";

const VERSION = 1;
const time = (name: string) => timestamp(name, { withTimezone: true }).notNull();
export const damagedFilesTable = pgTable(`damaged_files_v${VERSION}`, {
  /** `<seriesId>|<period>` */
  key: text("key").primaryKey(),
  seriesId: text("series_id").notNull(),
  period: text("period").notNull(),
  message: text("message").notNull(),
  foundAt: time("found_at"),
});
export type DamagedFileRow = typeof damagedFilesTable.$inferSelect;

/** One row a period whose file the archive found damaged and could not make again. */
export const damagedFiles: RowProjection<ArchiveEvent | KlineEvent, DamagedFileRow> = {
  kind: "rows",
  name: "damaged_files",
  version: VERSION,
  table: damagedFilesTable,
  keys({ type, data }) {
    if (type === "ArchiveFilesVerified") return [...data.damaged, ...data.whole].map(keyOf);
    if (type === "KlinesArchived" || type === "KlinesDeleted") return [keyOf(data)];
    return [];
  },
  on: {
    ArchiveFilesVerified(row, { data, at }, key) {
      const found = data.damaged.find((file) => keyOf(file) === key);
      return found && { ...found, key, foundAt: row?.foundAt ?? at };
    },
    KlinesArchived: () => undefined,
    KlinesDeleted: () => undefined,
  },
};

const fileRoundsTable = pgTable(`file_rounds_v${VERSION}`, {
  key: text("key").primaryKey(),
  through: text("through"),
  at: time("at"),
});

const ROUND = "round";

/** One row in all: how far the archive has come with reading every file to the last byte. */
export const fileRounds: RowProjection<ArchiveEvent, typeof fileRoundsTable.$inferSelect> = {
  kind: "rows",
  name: "file_rounds",
  version: VERSION,
  table: fileRoundsTable,
  keys: ({ type }) => type === "ArchiveFilesVerified" ? [ROUND] : [],
  on: {
    ArchiveFilesVerified: (row, { data: { round }, at }) =>
      round === null ? row : { key: ROUND, through: round.through, at },
  },
};

/** In the order of their series and periods. */
export async function listDamagedFiles(db: Db): Promise<DamagedFileRow[]> {
  return await db.select().from(damagedFilesTable).orderBy(asc(damagedFilesTable.key));
}

export async function findVerifyRound(db: Db): Promise<VerifyRound | undefined> {
  const [row] = await db.select().from(fileRoundsTable).where(eq(fileRoundsTable.key, ROUND));
  return row && { through: row.through, at: row.at.getTime() };
}

/** A period's file that can be read to the last byte. */
export interface FiledPeriodFile extends FiledPlace, VerifiableFile {
  readonly sha256: string;
}

/** Files of all filed periods, or of these series, ascending by key. */
export async function listPeriodFiles(
  db: Db,
  seriesIds?: readonly string[],
): Promise<FiledPeriodFile[]> {
  const rows = await db.select({
    key: periods.key,
    seriesId: periods.seriesId,
    period: periods.period,
    sha256: periods.fileSha256,
    sizeBytes: periods.fileSizeBytes,
    exchange: series.exchange,
    symbol: series.symbol,
    interval: series.interval,
  }).from(periods).innerJoin(series, eq(series.seriesId, periods.seriesId)).where(and(
    isNotNull(periods.fileSha256),
    seriesIds && inArray(periods.seriesId, [...seriesIds]),
  ));
  // Not by the database: its collation may order otherwise than we do.
  return rows.map(({ exchange, symbol, interval, sha256, sizeBytes, ...place }) => ({
    ...place,
    ...{ sha256: sha256 ?? "", sizeBytes: sizeBytes ?? 0 },
    series: { exchange, symbol, interval: trusted<Interval>(interval) },
  })).sort((a, b) => a.key < b.key ? -1 : 1);
}

function keyOf({ seriesId, period }: { seriesId: string; period: string }): string {
  return periodKey(seriesId, period);
}
