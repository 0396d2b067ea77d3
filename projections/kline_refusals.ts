import { and, asc, eq, gt, gte, isNull, lt, or, type SQL } from "drizzle-orm";
import { bigint, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import type { KlineRejectionEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import { rejectedOpenTime } from "@/domain/klines/rejected_rows.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 2;
export const klineRefusalsTable = pgTable(`kline_refusals_v${VERSION}`, {
  /** `<seriesId>|<version>` */
  key: text("key").primaryKey(),
  seriesId: text("series_id").notNull(),
  /** Of the event, in its stream. */
  version: integer("version").notNull(),
  /** The same in the log. */
  position: bigint("position", { mode: "number" }).notNull(),
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
    KlinesRejected(_, { data: { seriesId, rows, blob }, version, position }, key) {
      const place = { key, seriesId, version, position };
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
  const { version } = klineRefusalsTable;
  const rows = await db.select({ version }).from(klineRefusalsTable)
    .where(and(mayTouch(seriesId, [from, to]), gt(version, after)))
    .orderBy(asc(version)).limit(limit);
  return rows.map((row) => row.version);
}

/** Whether rows of the range may have been refused behind a position of the log. */
export async function wasRefused(
  db: Db,
  { seriesId, range, behind }: Pick<RefusalsAsked, "seriesId" | "range"> & {
    readonly behind: number;
  },
): Promise<boolean> {
  const { version, position } = klineRefusalsTable;
  const rows = await db.select({ version }).from(klineRefusalsTable)
    .where(and(mayTouch(seriesId, range), gt(position, behind))).limit(1);
  return rows.length > 0;
}

function mayTouch(seriesId: string, [from, to]: OpenTimeRange): SQL | undefined {
  const { firstOpenTime, lastOpenTime, ...table } = klineRefusalsTable;
  return and(
    eq(table.seriesId, seriesId),
    or(isNull(firstOpenTime), and(lt(firstOpenTime, to), gte(lastOpenTime, from))),
  );
}
