import { and, asc, eq, gt, gte, isNull, lt, or } from "drizzle-orm";
import { bigint, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import type { KlineRejectionEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import { rejectedOpenTime } from "@/domain/klines/rejected_rows.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 1;
export const klineRefusalsTable = pgTable(`kline_refusals_v${VERSION}`, {
  /** `<seriesId>|<version>` */
  key: text("key").primaryKey(),
  seriesId: text("series_id").notNull(),
  /** Of the event, in its stream. */
  version: integer("version").notNull(),
  /** First and last open time that its rows name; null where a blob has more of them. */
  firstOpenTime: bigint("first_open_time", { mode: "number" }),
  lastOpenTime: bigint("last_open_time", { mode: "number" }),
}, (table) => [index(`kline_refusals_v${VERSION}_series`).on(table.seriesId, table.version)]);
export type KlineRefusalsRow = typeof klineRefusalsTable.$inferSelect;

/** One row a `KlinesRejected` of which some row names an open time: which part of its series it touches. */
export const klineRefusals: RowProjection<KlineRejectionEvent, KlineRefusalsRow> = {
  kind: "rows",
  name: "kline_refusals",
  version: VERSION,
  table: klineRefusalsTable,
  keys: ({ data: { seriesId }, version }) => [`${seriesId}|${version}`],
  on: {
    KlinesRejected(_, { data: { seriesId, rows, blob }, version }, key) {
      const place = { key, seriesId, version };
      if (blob !== null) return { ...place, firstOpenTime: null, lastOpenTime: null };
      const times = rows.flatMap(({ values }) => rejectedOpenTime(values) ?? []);
      if (times.length === 0) return undefined;
      return { ...place, firstOpenTime: Math.min(...times), lastOpenTime: Math.max(...times) };
    },
  },
};

export interface RefusalsAsked {
  readonly seriesId: string;
  /** Open times. */
  readonly range: OpenTimeRange;
  /** Versions, exclusive. */
  readonly after: number;
  readonly limit: number;
}

/** Versions of refusals that may hold rows of the range, ascending. */
export async function listRefusals(
  db: Db,
  { seriesId, range: [from, to], after, limit }: RefusalsAsked,
): Promise<number[]> {
  const { version, firstOpenTime, lastOpenTime, ...table } = klineRefusalsTable;
  const rows = await db.select({ version }).from(klineRefusalsTable).where(and(
    eq(table.seriesId, seriesId),
    gt(version, after),
    or(isNull(firstOpenTime), and(lt(firstOpenTime, to), gte(lastOpenTime, from))),
  )).orderBy(asc(version)).limit(limit);
  return rows.map((row) => row.version);
}
