import { bigint, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import type { KlineEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import { SOURCE_RANK } from "@/domain/klines/candle.ts";
import type { AbsentRange } from "@/domain/klines/coverage.ts";
import { addAbsent } from "@/domain/klines/absent.ts";
import { addRanges, mergeRanges } from "@/domain/klines/coverage.ts";
import { outdatesRows } from "@/domain/kline_period.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 1;
export const klinePeriodsTable = pgTable(`kline_periods_v${VERSION}`, {
  /** `<seriesId>|<period>` */
  key: text("key").primaryKey(),
  seriesId: text("series_id").notNull(),
  period: text("period").notNull(),
  /** Version and position of the last event folded in: a snapshot of the period's stream. */
  streamVersion: integer("stream_version").notNull(),
  position: bigint("position", { mode: "number" }).notNull(),
  candles: integer("candles").notNull(),
  /** How many of them lie in table `klines`: of a filed period all, until they are dropped. */
  hotRows: integer("hot_rows").notNull(),
  firstOpenTime: bigint("first_open_time", { mode: "number" }),
  lastOpenTime: bigint("last_open_time", { mode: "number" }),
  held: jsonb("held").$type<readonly OpenTimeRange[]>().notNull(),
  absent: jsonb("absent").$type<readonly AbsentRange[]>().notNull(),
  keptOut: jsonb("kept_out").$type<readonly OpenTimeRange[]>().notNull(),
  fileSha256: text("file_sha256"),
  fileSizeBytes: bigint("file_size_bytes", { mode: "number" }),
  priceScale: integer("price_scale").notNull(),
  volumeScale: integer("volume_scale").notNull(),
  quoteScale: integer("quote_scale").notNull(),
  /** Rank of the best source of its candles; 0 without candles. */
  bestSource: integer("best_source").notNull(),
}, (table) => [index(`kline_periods_v${VERSION}_series`).on(table.seriesId, table.period)]);
export type KlinePeriodRow = typeof klinePeriodsTable.$inferSelect;

/** One row a period of a series: what is held, where it lies, and what is known to be absent. */
export const klinePeriods: RowProjection<KlineEvent, KlinePeriodRow> = {
  kind: "rows",
  name: "kline_periods",
  version: VERSION,
  table: klinePeriodsTable,
  oneStream: true,
  keys: ({ data }) => [periodKey(data.seriesId, data.period)],
  on: {
    KlinesRecorded: (row, { data, ...place }) => {
      const before = row ?? emptyPeriod(data.seriesId, data.period);
      return {
        ...placed(before, place),
        candles: before.candles + data.ingested,
        hotRows: before.hotRows + data.ingested,
        firstOpenTime: Math.min(before.firstOpenTime ?? data.from, data.from),
        lastOpenTime: Math.max(before.lastOpenTime ?? data.to - 1, data.to - 1),
        held: addRanges(before.held, data.added),
        absent: addAbsent(before.absent, { found: data.added }),
        bestSource: Math.max(before.bestSource, SOURCE_RANK[data.source]),
      };
    },
    KlinesArchived: (row, { data, ...place }) => {
      const before = row ?? emptyPeriod(data.seriesId, data.period);
      return {
        ...placed(before, place),
        candles: data.rows,
        hotRows: outdatesRows(data) ? 0 : before.hotRows,
        firstOpenTime: data.firstOpenTime,
        lastOpenTime: data.lastOpenTime,
        held: data.held,
        absent: addAbsent(before.absent, { found: data.held }),
        fileSha256: data.blob.sha256,
        fileSizeBytes: data.blob.sizeBytes,
        priceScale: data.scale.price,
        volumeScale: data.scale.volume,
        quoteScale: data.scale.quote,
        bestSource: Math.max(before.bestSource, SOURCE_RANK[data.source]),
      };
    },
    HotRowsDropped: (row, { data, ...place }) => ({
      ...placed(row ?? emptyPeriod(data.seriesId, data.period), place),
      hotRows: 0,
    }),
    KlineBatchesCompacted: (row, { data, ...place }) =>
      placed(row ?? emptyPeriod(data.seriesId, data.period), place),
    KlinesDeleted: (row, { data, ...place }) => {
      // A range that never held a candle may be kept out as well.
      const before = row ?? emptyPeriod(data.seriesId, data.period);
      const { keptOut, hotRows, bestSource } = before;
      return {
        ...placed(before, place),
        candles: before.candles - data.rows,
        hotRows: hotRows === 0 ? 0 : hotRows - data.rows,
        firstOpenTime: data.firstOpenTime,
        lastOpenTime: data.lastOpenTime,
        held: data.held,
        keptOut: data.keepOut ? mergeRanges([...keptOut, [data.from, data.to]]) : keptOut,
        fileSha256: data.blob?.sha256 ?? null,
        fileSizeBytes: data.blob?.sizeBytes ?? null,
        bestSource: data.firstOpenTime === null ? 0 : bestSource,
      };
    },
    KlinesFoundAbsent: (row, { data, ...place }) => {
      const before = row ?? emptyPeriod(data.seriesId, data.period);
      const { ranges, askedAt } = data;
      return {
        ...placed(before, place),
        absent: addAbsent(before.absent, { asked: ranges, askedAt }),
      };
    },
  },
};

export function periodKey(seriesId: string, period: string): string {
  return `${seriesId}|${period}`;
}

function placed(
  row: KlinePeriodRow,
  { version, position }: { version: number; position: number },
): KlinePeriodRow {
  return { ...row, streamVersion: version, position };
}

function emptyPeriod(seriesId: string, period: string): KlinePeriodRow {
  return {
    key: periodKey(seriesId, period),
    seriesId,
    period,
    streamVersion: 0,
    position: 0,
    candles: 0,
    hotRows: 0,
    firstOpenTime: null,
    lastOpenTime: null,
    held: [],
    absent: [],
    keptOut: [],
    fileSha256: null,
    fileSizeBytes: null,
    priceScale: 0,
    volumeScale: 0,
    quoteScale: 0,
    bestSource: 0,
  };
}
