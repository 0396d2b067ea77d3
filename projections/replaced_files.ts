import { and, asc, eq, inArray, isNotNull, isNull, ne } from "drizzle-orm";
import { bigint, index, pgTable, text } from "drizzle-orm/pg-core";
import type { HeldBlob, ReplacedBlob } from "@/domain/klines/compaction_plan.ts";
import type { BlobRef } from "@/events/blobs/blobs.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";
import { periodKey } from "./kline_periods.ts";

const VERSION = 1;
export const replacedFilesTable = pgTable(`replaced_files_v${VERSION}`, {
  /** `<seriesId>|<period>|<sha256>` */
  key: text("key").primaryKey(),
  seriesId: text("series_id").notNull(),
  /** `<seriesId>|<period>` */
  periodKey: text("period_key").notNull(),
  sha256: text("sha256").notNull(),
  sizeBytes: bigint("size_bytes", { mode: "number" }).notNull(),
  /** Of the event that named it last. */
  position: bigint("position", { mode: "number" }).notNull(),
  /** Epoch ms; null for a period's present file, and for one before a removal, which stays. */
  replacedAt: bigint("replaced_at", { mode: "number" }),
}, (table) => [index(`replaced_files_v${VERSION}_period`).on(table.periodKey, table.position)]);
export type ReplacedFilesRow = typeof replacedFilesTable.$inferSelect;

interface Place {
  readonly seriesId: string;
  readonly period: string;
}

/** One row a version of a period's file: there may be thousands of a period. */
export const replacedFiles: RowProjection<KlineEvent, ReplacedFilesRow> = {
  kind: "rows",
  name: "replaced_files",
  version: VERSION,
  table: replacedFilesTable,
  oneStream: true,
  keys: ({ type, data }) => {
    switch (type) {
      case "KlinesArchived":
        return [...new Set([data.blob.sha256, data.replaces ?? data.blob.sha256])]
          .map((sha256) => keyOf(data, sha256));
      case "KlinesDeleted":
        return data.blob === null ? [] : [keyOf(data, data.blob.sha256)];
      case "KlineBatchesCompacted":
        return [...new Set(data.blobs.map(({ sha256 }) => sha256))]
          .map((sha256) => keyOf(data, sha256));
      case "KlinesRecorded":
      case "HotRowsDropped":
      case "KlinesFoundAbsent":
        return [];
    }
  },
  on: {
    KlinesArchived: (row, { data, position, at }, key) => {
      if (key === keyOf(data, data.blob.sha256)) return present(data, data.blob, position);
      return row && { ...row, replacedAt: at.getTime() };
    },
    KlinesDeleted: (row, { data, position }) =>
      data.blob === null ? row : present(data, data.blob, position),
    KlineBatchesCompacted: () => undefined,
  },
};

/** Files that newer ones have replaced, oldest first; of all series when none is named. */
export async function listReplaced(
  db: Db,
  { seriesIds, key }: {
    readonly seriesIds?: readonly string[] | undefined;
    /** Of one period. */
    readonly key?: string | undefined;
  },
): Promise<ReadonlyMap<string, readonly ReplacedBlob[]>> {
  const { seriesId, periodKey, sha256, sizeBytes, position, replacedAt } = replacedFilesTable;
  const rows = await db.select({ periodKey, sha256, sizeBytes, position, replacedAt })
    .from(replacedFilesTable)
    .where(and(
      isNotNull(replacedAt),
      seriesIds && inArray(seriesId, [...seriesIds]),
      key === undefined ? undefined : eq(periodKey, key),
    )).orderBy(asc(periodKey), asc(position));
  const found = Map.groupBy(rows, (row) => row.periodKey);
  return new Map(
    [...found].map(([of, files]) => [
      of,
      trusted<(typeof rows[number] & ReplacedBlob)[]>(files)
        .map(({ periodKey: _, ...file }) => file),
    ]),
  );
}

/** Files of a period that held candles which were removed since, oldest first: they stay. */
export async function listBeforeRemoval(
  db: Db,
  { key, present }: {
    readonly key: string;
    /** Name of its present file. */
    readonly present: string;
  },
): Promise<HeldBlob[]> {
  const { periodKey, sha256, sizeBytes, position, replacedAt } = replacedFilesTable;
  return await db.select({ sha256, sizeBytes, position }).from(replacedFilesTable)
    .where(and(eq(periodKey, key), isNull(replacedAt), ne(sha256, present)))
    .orderBy(asc(position));
}

function present(place: Place, { sha256, sizeBytes }: BlobRef, position: number): ReplacedFilesRow {
  const { seriesId, period } = place;
  return {
    ...{ key: keyOf(place, sha256), seriesId, periodKey: periodKey(seriesId, period) },
    ...{ sha256, sizeBytes, position, replacedAt: null },
  };
}

function keyOf({ seriesId, period }: Place, sha256: string): string {
  return `${periodKey(seriesId, period)}|${sha256}`;
}
