import { and, asc, eq, inArray, isNotNull, or, sql } from "drizzle-orm";
import { bigint, index, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import type { CompactablePeriod, HeldBlob, ReplacedBlob } from "@/domain/klines/compaction_plan.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { trusted } from "@/events/trust.ts";
import type { BlobRef } from "@/events/blobs/blobs.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";
import { klinePeriodsTable, periodKey } from "./kline_periods.ts";
import { listReplaced } from "./replaced_files.ts";
import { seriesTable } from "./series.ts";

const VERSION = 2;
export const periodBlobsTable = pgTable(`period_blobs_v${VERSION}`, {
  /** `<seriesId>|<period>` */
  key: text("key").primaryKey(),
  seriesId: text("series_id").notNull(),
  period: text("period").notNull(),
  position: bigint("position", { mode: "number" }).notNull(),
  /** Batches that rows may have to be made of. */
  batches: jsonb("batches").$type<readonly HeldBlob[]>().notNull(),
  /** The file that readers take, with the position that named it. */
  file: jsonb("file").$type<HeldBlob | null>(),
  /** Candles that none of them will hold. */
  revisions: jsonb("revisions").$type<BlobRef | null>(),
}, (table) => [index(`period_blobs_v${VERSION}_series`).on(table.seriesId, table.period)]);
export type PeriodBlobsRow = typeof periodBlobsTable.$inferSelect;

export interface PeriodBlobs extends PeriodBlobsRow {
  /** Files before its present one, oldest first. */
  readonly replaced: readonly ReplacedBlob[];
}

/** One row a period that ever had a blob: which of them are still needed. */
export const periodBlobs: RowProjection<KlineEvent, PeriodBlobsRow> = {
  kind: "rows",
  name: "period_blobs",
  version: VERSION,
  table: periodBlobsTable,
  oneStream: true,
  keys: ({ type, data }) =>
    type === "KlinesRecorded" && data.blob === null ? [] : [periodKey(data.seriesId, data.period)],
  on: {
    KlinesRecorded: (row, { data, position }) => {
      const before = row ?? empty(data);
      if (data.blob === null) return before;
      return { ...before, position, batches: [...before.batches, { ...data.blob, position }] };
    },
    KlinesArchived: (row, { data, position }) => ({
      ...(row ?? empty(data)),
      position,
      file: { ...data.blob, position },
    }),
    // Removed candles stay readable in the file before: it is nobody's to delete.
    KlinesDeleted: (row, { data, position }) => ({
      ...(row ?? empty(data)),
      position,
      file: data.blob && { ...data.blob, position },
    }),
    KlineBatchesCompacted: (row, { data, position }) => {
      const before = row ?? empty(data);
      const gone = new Set(data.blobs.map(({ sha256 }) => sha256));
      return {
        ...before,
        position,
        batches: before.batches.filter(({ sha256 }) => !gone.has(sha256)),
        revisions: data.revisions?.blob ?? null,
      };
    },
  },
};

/** Filed periods with blobs that may not be needed any more; of all series when none is named. */
export async function listCompactable(
  db: Db,
  seriesIds?: readonly string[],
): Promise<CompactablePeriod[]> {
  const replaced = await listReplaced(db, { seriesIds });
  const rows = await db.select({
    blobs: periodBlobsTable,
    hotRows: klinePeriodsTable.hotRows,
    exchange: seriesTable.exchange,
    symbol: seriesTable.symbol,
    interval: seriesTable.interval,
  }).from(periodBlobsTable)
    .innerJoin(klinePeriodsTable, eq(klinePeriodsTable.key, periodBlobsTable.key))
    .innerJoin(seriesTable, eq(seriesTable.seriesId, periodBlobsTable.seriesId))
    .where(and(
      isNotNull(klinePeriodsTable.fileSha256),
      or(
        sql`jsonb_array_length(${periodBlobsTable.batches}) > 0`,
        inArray(periodBlobsTable.key, [...replaced.keys()]),
      ),
      seriesIds && inArray(periodBlobsTable.seriesId, [...seriesIds]),
    )).orderBy(asc(periodBlobsTable.key));
  return rows.map(({ blobs, hotRows, exchange, symbol, interval }) => {
    const { key, seriesId, period, batches, file } = blobs;
    const series = { exchange, symbol, interval: trusted<Interval>(interval) };
    const before = replaced.get(key) ?? [];
    return { series, seriesId, period, hotRows, batches, file, replaced: before };
  });
}

export async function findPeriodBlobs(
  db: Db,
  { seriesId, period }: { seriesId: string; period: string },
): Promise<PeriodBlobs | undefined> {
  const key = periodKey(seriesId, period);
  const [row] = await db.select().from(periodBlobsTable).where(eq(periodBlobsTable.key, key));
  return row && { ...row, replaced: (await listReplaced(db, { key })).get(key) ?? [] };
}

function empty({ seriesId, period }: { seriesId: string; period: string }): PeriodBlobsRow {
  return {
    ...{ key: periodKey(seriesId, period), seriesId, period, position: 0 },
    ...{ batches: [], file: null, revisions: null },
  };
}
