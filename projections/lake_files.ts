import { and, asc, eq, inArray, isNotNull, type SQL } from "drizzle-orm";
import { trusted } from "@/events/trust.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import type { LakeFile } from "@/domain/klines/lake_manifest.ts";
import type { Db } from "./db.ts";
import { klinePeriodsTable, periodKey } from "./kline_periods.ts";
import { seriesTable } from "./series.ts";

/** The period files as the read models have them. */
export interface LakeFiles {
  /** Of all series or of these, by series and period, ascending. */
  list(seriesIds?: readonly string[]): Promise<readonly LakeFile[]>;
  /** Undefined where a period has no file. */
  find(seriesId: string, period: string): Promise<LakeFile | undefined>;
}

export function createLakeFiles(db: Db): LakeFiles {
  async function select(which: SQL | undefined): Promise<LakeFile[]> {
    const rows = await db.select(COLUMNS).from(klinePeriodsTable)
      .innerJoin(seriesTable, eq(seriesTable.seriesId, klinePeriodsTable.seriesId))
      .where(and(isNotNull(klinePeriodsTable.fileSha256), which))
      .orderBy(asc(klinePeriodsTable.seriesId), asc(klinePeriodsTable.period));
    return rows.map(({ interval, sha256, sizeBytes, price, volume, quote, ...row }) => ({
      ...row,
      interval: trusted<Interval>(interval),
      sha256: sha256 ?? "",
      sizeBytes: sizeBytes ?? 0,
      scale: { price, volume, quote },
    }));
  }

  return {
    list: (ids) =>
      select(ids === undefined ? undefined : inArray(klinePeriodsTable.seriesId, [...ids])),
    async find(seriesId, period) {
      const [file] = await select(eq(klinePeriodsTable.key, periodKey(seriesId, period)));
      return file;
    },
  };
}

const COLUMNS = {
  seriesId: klinePeriodsTable.seriesId,
  exchange: seriesTable.exchange,
  symbol: seriesTable.symbol,
  interval: seriesTable.interval,
  simulated: seriesTable.simulated,
  period: klinePeriodsTable.period,
  rows: klinePeriodsTable.candles,
  firstOpenTime: klinePeriodsTable.firstOpenTime,
  lastOpenTime: klinePeriodsTable.lastOpenTime,
  sha256: klinePeriodsTable.fileSha256,
  sizeBytes: klinePeriodsTable.fileSizeBytes,
  price: klinePeriodsTable.priceScale,
  volume: klinePeriodsTable.volumeScale,
  quote: klinePeriodsTable.quoteScale,
  position: klinePeriodsTable.position,
};
