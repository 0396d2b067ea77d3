import { and, asc, eq, isNotNull } from "drizzle-orm";
import type { Db } from "./db.ts";
import { type KlinePeriodRow, klinePeriodsTable, periodKey } from "./kline_periods.ts";

/** One period as the read models have it; undefined when nothing has ever happened to it. */
export async function findPeriod(
  db: Db,
  { seriesId, period }: { seriesId: string; period: string },
): Promise<KlinePeriodRow | undefined> {
  const [row] = await db.select().from(klinePeriodsTable)
    .where(eq(klinePeriodsTable.key, periodKey(seriesId, period)));
  return row;
}

/** A series' periods, ascending. */
export async function listPeriods(db: Db, seriesId: string): Promise<KlinePeriodRow[]> {
  return await db.select().from(klinePeriodsTable)
    .where(eq(klinePeriodsTable.seriesId, seriesId)).orderBy(asc(klinePeriodsTable.period));
}

/** Those that lie in files, ascending. */
export async function listFiledPeriods(db: Db, seriesId: string): Promise<KlinePeriodRow[]> {
  return await db.select().from(klinePeriodsTable).where(and(
    eq(klinePeriodsTable.seriesId, seriesId),
    isNotNull(klinePeriodsTable.fileSha256),
  )).orderBy(asc(klinePeriodsTable.period));
}
