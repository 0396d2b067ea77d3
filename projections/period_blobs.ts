import { and, asc, eq, exists, gt, inArray, isNotNull, or, sql } from "drizzle-orm";
import { bigint, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import type { CompactablePeriod, HeldBlob, ReplacedBlob } from "@/domain/klines/compaction_plan.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { periodRange } from "@/domain/klines/period.ts";
import { trusted } from "@/events/trust.ts";
import type { BlobRef } from "@/events/blobs/blobs.ts";
import type { KlineEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";
import { klinePeriodsTable, periodKey } from "./kline_periods.ts";
import { klineRefusalsTable, wasRefused } from "./kline_refusals.ts";
import { listReplaced } from "./replaced_files.ts";
import { seriesTable } from "./series.ts";

const VERSION = 3;
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
  /** What none of them will hold: superseded, removed and refused rows. */
  revisions: jsonb("revisions").$type<BlobRef | null>(),
  /** Of the event, in its stream, that last superseded or removed a candle; 0 of none. */
  supersededVersion: integer("superseded_version").notNull(),
  /** Of the event before which the revisions hold all that was superseded; 0 while they do not. */
  revisedVersion: integer("revised_version").notNull(),
  /** Position of the log up to which they hold what was refused. */
  refusedThrough: bigint("refused_through", { mode: "number" }).notNull(),
}, (table) => [index(`period_blobs_v${VERSION}_series`).on(table.seriesId, table.period)]);
export type PeriodBlobsRow = typeof periodBlobsTable.$inferSelect;

export interface PeriodBlobs extends PeriodBlobsRow {
  /** Files before its present one, oldest first. */
  readonly replaced: readonly ReplacedBlob[];
}

/** One row a period that ever had a blob or a superseded candle: which blobs are still needed. */
export const periodBlobs: RowProjection<KlineEvent, PeriodBlobsRow> = {
  kind: "rows",
  name: "period_blobs",
  version: VERSION,
  table: periodBlobsTable,
  oneStream: true,
  keys: ({ type, data }) =>
    type === "KlinesRecorded" && data.blob === null && data.revised === 0
      ? []
      : [periodKey(data.seriesId, data.period)],
  on: {
    KlinesRecorded: (row, { data, position, version }) => {
      const before = superseding(row ?? empty(data), data.revised, version);
      if (data.blob === null) return before;
      return { ...before, position, batches: [...before.batches, { ...data.blob, position }] };
    },
    KlinesArchived: (row, { data, position, version }) => ({
      ...superseding(row ?? empty(data), data.revised, version),
      position,
      file: { ...data.blob, position },
    }),
    // Removed candles stay readable in the file before: it is nobody's to delete.
    KlinesDeleted: (row, { data, position, version }) => ({
      ...superseding(row ?? empty(data), data.rows, version),
      position,
      file: data.blob && { ...data.blob, position },
    }),
    KlineBatchesCompacted: (row, { data, position, version }) => {
      const before = row ?? empty(data);
      const gone = new Set(data.blobs.map(({ sha256 }) => sha256));
      return {
        ...before,
        position,
        batches: before.batches.filter(({ sha256 }) => !gone.has(sha256)),
        revisions: data.revisions?.blob ?? null,
        revisedVersion: data.refusedThrough === null ? before.revisedVersion : version,
        refusedThrough: data.refusedThrough ?? before.refusedThrough,
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
        gt(periodBlobsTable.supersededVersion, periodBlobsTable.revisedVersion),
        exists(
          db.select({ one: sql`1` }).from(klineRefusalsTable).where(and(
            eq(klineRefusalsTable.seriesId, periodBlobsTable.seriesId),
            gt(klineRefusalsTable.position, periodBlobsTable.refusedThrough),
          )),
        ),
      ),
      seriesIds && inArray(periodBlobsTable.seriesId, [...seriesIds]),
    )).orderBy(asc(periodBlobsTable.key));
  const found: CompactablePeriod[] = [];
  for (const { blobs, hotRows, exchange, symbol, interval: text } of rows) {
    const { key, seriesId, period, batches, file } = blobs;
    const interval = trusted<Interval>(text);
    const isRevised = await hasRevisions(db, blobs, periodRange(interval, period));
    found.push({
      ...{ series: { exchange, symbol, interval }, seriesId, period, hotRows, batches, file },
      ...{ replaced: replaced.get(key) ?? [], isRevised },
    });
  }
  return found;
}

/** Whether something of a period was superseded or may have been refused since its revisions were kept. */
export async function hasRevisions(
  db: Db,
  row: PeriodBlobsRow,
  range: OpenTimeRange,
): Promise<boolean> {
  const { seriesId, refusedThrough: behind } = row;
  return wasSuperseded(row) || await wasRefused(db, { seriesId, range, behind });
}

/** Whether a candle was superseded since the period's revisions were kept. */
export function wasSuperseded({ supersededVersion, revisedVersion }: PeriodBlobsRow): boolean {
  return supersededVersion > revisedVersion;
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
    ...{ supersededVersion: 0, revisedVersion: 0, refusedThrough: 0 },
  };
}

function superseding(row: PeriodBlobsRow, candles: number, version: number): PeriodBlobsRow {
  return candles === 0 ? row : { ...row, supersededVersion: version };
}
