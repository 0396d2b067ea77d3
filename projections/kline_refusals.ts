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
  /** First and last open time that its rows name; null where a blob may name others. */
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
    KlinesRejected(_, { data, version, position }, key) {
      const times = timesOf(data);
      if (times === undefined) return undefined;
      return { key, seriesId: data.seriesId, version, position, ...times };
    },
  },
};

/** Undefined when its rows name none. */
function timesOf(
  { rows, blob, blobTimes }: KlineRejectionEvent["data"],
): Pick<KlineRefusalsRow, "firstOpenTime" | "lastOpenTime"> | undefined {
  if (blobTimes !== null) {
    const [from, to] = blobTimes;
    return from === to ? undefined : { firstOpenTime: from, lastOpenTime: to - 1 };
  }
  if (blob !== null) return { firstOpenTime: null, lastOpenTime: null };
  const times = rows.flatMap(({ values }) => rejectedOpenTime(values) ?? []);
  if (times.length === 0) return undefined;
  return { firstOpenTime: Math.min(...times), lastOpenTime: Math.max(...times) };
}

export interface RefusedPart {
  readonly seriesId: string;
  /** Open times. */
  readonly range: OpenTimeRange;
  /** Position in the log, exclusive. */
  readonly behind: number;
}

/** Versions of refusals that may hold rows of the part, ascending. */
export async function listRefusals(
  db: Db,
  part: RefusedPart,
  { after, limit }: { /** A version, exclusive. */ readonly after: number; readonly limit: number },
): Promise<number[]> {
  const { version } = klineRefusalsTable;
  const rows = await db.select({ version }).from(klineRefusalsTable)
    .where(and(mayTouch(part), gt(version, after)))
    .orderBy(asc(version)).limit(limit);
  return rows.map((row) => row.version);
}

/** Whether rows of the part may have been refused. */
export async function wasRefused(db: Db, part: RefusedPart): Promise<boolean> {
  return (await listRefusals(db, part, { after: 0, limit: 1 })).length > 0;
}

function mayTouch({ seriesId, range: [from, to], behind }: RefusedPart): SQL | undefined {
  const { firstOpenTime, lastOpenTime, ...table } = klineRefusalsTable;
  return and(
    eq(table.seriesId, seriesId),
    gt(table.position, behind),
    or(isNull(firstOpenTime), and(lt(firstOpenTime, to), gte(lastOpenTime, from))),
  );
}
