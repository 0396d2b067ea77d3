import { eq } from "drizzle-orm";
import { trusted } from "@/events/trust.ts";
import { coveragePct, gapsOf } from "@/domain/klines/coverage.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { marketCalendar } from "@/domain/klines/market_calendar.ts";
import type { Db } from "./db.ts";
import type { KlinePeriodRow } from "./kline_periods.ts";
import { listPeriods } from "./period_queries.ts";
import { coverageOf } from "./series_board.ts";
import { seriesTable } from "./series.ts";

/** What a series costs and how whole it is. */
export interface SeriesStats {
  readonly candles: number;
  /** Rows of the database. */
  readonly hotRows: number;
  /** Periods that lie in a file, whatever their length, and the candles in these files. */
  readonly coldPeriods: number;
  readonly coldCandles: number;
  /** Size of these files. */
  readonly coldBytes: number;
  /** {@linkcode PLAIN_CANDLE_BYTES} a candle against what one takes in the files; null without files. */
  readonly compression: number | null;
  /** Held slots of [first, last] in percent; null without candles. */
  readonly coveragePct: number | null;
  /** Time between first and last candle in which the exchange has none, asked twice. */
  readonly verifiedEmptyMinutes: number;
  /** The rest of the time in which none is held. */
  readonly unverifiedMinutes: number;
}

/** Eleven columns of eight bytes: a candle as plain numbers in memory. */
export const PLAIN_CANDLE_BYTES = 88;

const MINUTE_MS = 60_000;

/** Undefined for a series that is not known. */
export async function findSeriesStats(db: Db, seriesId: string): Promise<SeriesStats | undefined> {
  const { exchange, interval: column } = seriesTable;
  const [series] = await db.select({ exchange, interval: column }).from(seriesTable)
    .where(eq(seriesTable.seriesId, seriesId));
  if (series === undefined) return undefined;
  const periods = await listPeriods(db, seriesId);
  const interval = trusted<Interval>(series.interval);
  const coverage = coverageOf(periods);
  const calendar = marketCalendar({ exchange: series.exchange, interval });
  const filed = periods.filter(({ fileSha256 }) => fileSha256 !== null);
  const [coldCandles, coldBytes] = [sumOf(filed, "candles"), sumOf(filed, "fileSizeBytes")];
  const candles = sumOf(periods, "candles");
  const gaps = gapsOf(coverage, interval, calendar);
  const minutes = (verified: boolean) =>
    gaps.filter(({ verifiedEmpty }) => verifiedEmpty === verified)
      .reduce((sum, { from, to }) => sum + (to - from) / MINUTE_MS, 0);
  return {
    ...{ candles, hotRows: sumOf(periods, "hotRows"), coldPeriods: filed.length },
    ...{ coldCandles, coldBytes },
    compression: coldBytes === 0 ? null : coldCandles * PLAIN_CANDLE_BYTES / coldBytes,
    coveragePct: candles === 0 ? null : coveragePct(coverage, interval, calendar),
    verifiedEmptyMinutes: minutes(true),
    unverifiedMinutes: minutes(false),
  };
}

function sumOf(
  periods: readonly KlinePeriodRow[],
  column: "candles" | "hotRows" | "fileSizeBytes",
): number {
  return periods.reduce((sum, row) => sum + (row[column] ?? 0), 0);
}
