import { and, asc, eq, gt, gte, inArray, max, sum } from "drizzle-orm";
import { trusted } from "@/events/trust.ts";
import { type Source, SOURCE_RANK } from "@/domain/klines/candle.ts";
import { type Coverage, coveragePct, gapsOf, mergeRanges } from "@/domain/klines/coverage.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { marketCalendar } from "@/domain/klines/market_calendar.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { unifySymbol } from "@/domain/klines/symbol.ts";
import type { Db } from "./db.ts";
import { type KlinePeriodRow, klinePeriodsTable } from "./kline_periods.ts";
import { type SeriesRow, seriesTable } from "./series.ts";
import { byId, type SeriesQueries, type SeriesView } from "./series_queries.ts";

/** Joins what a series is with what its periods hold. */
export function createSeriesQueries(db: Db): SeriesQueries {
  async function periodsOf(id: string, from?: string): Promise<KlinePeriodRow[]> {
    const { seriesId, period } = klinePeriodsTable;
    return await db.select().from(klinePeriodsTable)
      .where(and(eq(seriesId, id), from === undefined ? undefined : gte(period, from)))
      .orderBy(asc(period));
  }

  return {
    async list(ids) {
      const [ofSeries, ofPeriods] = ids === undefined ? [] : [
        inArray(seriesTable.seriesId, [...ids]),
        inArray(klinePeriodsTable.seriesId, [...ids]),
      ];
      const [rows, all] = await Promise.all([
        db.select().from(seriesTable).where(ofSeries),
        db.select().from(klinePeriodsTable).where(ofPeriods).orderBy(asc(klinePeriodsTable.period)),
      ]);
      const periods = Map.groupBy(all, ({ seriesId }) => seriesId);
      return rows.map((row) => view(row, periods.get(row.seriesId) ?? [])).toSorted(byId);
    },
    async find(seriesId) {
      const [[row], periods] = await Promise.all([
        db.select().from(seriesTable).where(eq(seriesTable.seriesId, seriesId)),
        periodsOf(seriesId),
      ]);
      return row && view(row, periods);
    },
    async gaps(seriesId) {
      const [row] = await db.select().from(seriesTable).where(eq(seriesTable.seriesId, seriesId));
      if (row === undefined) return [];
      const interval = trusted<Interval>(row.interval);
      const coverage = coverageOf(await periodsOf(seriesId));
      return gapsOf(coverage, interval, marketCalendar({ ...row, interval }));
    },
    async coverage(seriesId, from) {
      return coverageOf(await periodsOf(seriesId, from));
    },
    async lastError(seriesId) {
      const [row] = await db.select({ lastError: seriesTable.lastError }).from(seriesTable)
        .where(eq(seriesTable.seriesId, seriesId));
      return row?.lastError;
    },
    async watched() {
      const rows = await db.select().from(seriesTable).where(eq(seriesTable.watched, true));
      return rows.map((row) => {
        const { seriesId: id, exchange, historyStart, lastError } = row;
        const interval = trusted<Interval>(row.interval);
        return { id, exchange, symbol: symbolOf(row, interval), interval, historyStart, lastError };
      }).toSorted(byId);
    },
  };
}

/** Sums over all series, for metrics and health. */
export async function countCandles(
  db: Db,
): Promise<{ candles: number; newestCrawlAt: Date | null }> {
  const [totals] = await db.select({ candles: sum(klinePeriodsTable.candles) })
    .from(klinePeriodsTable).where(gt(klinePeriodsTable.candles, 0));
  const [crawl] = await db.select({ at: max(seriesTable.lastCrawledAt) }).from(seriesTable);
  return { candles: Number(totals?.candles ?? 0), newestCrawlAt: crawl?.at ?? null };
}

/** What is known of the slots of a series, from its periods in order. */
export function coverageOf(periods: readonly KlinePeriodRow[]): Coverage {
  return {
    held: mergeRanges(periods.flatMap(({ held }) => held)),
    absent: periods.flatMap(({ absent }) => absent).toSorted((a, b) => a.from - b.from),
    keptOut: mergeRanges(periods.flatMap(({ keptOut }) => keptOut)),
  };
}

function view(row: SeriesRow, periods: readonly KlinePeriodRow[]): SeriesView {
  const interval = trusted<Interval>(row.interval);
  const coverage = coverageOf(periods);
  const calendar = marketCalendar({ ...row, interval });
  const filed = periods.filter(({ fileSha256 }) => fileSha256 !== null);
  const best = periods.reduce((rank, { bestSource }) => Math.max(rank, bestSource), 0);
  const bounds = periods.filter(({ candles }) => candles > 0);
  return {
    id: row.seriesId,
    exchange: row.exchange,
    symbol: symbolOf(row, interval),
    interval,
    watched: row.watched,
    simulated: row.simulated,
    source: sourceOf(best),
    firstOpenTime: bounds.at(0)?.firstOpenTime ?? null,
    lastOpenTime: bounds.at(-1)?.lastOpenTime ?? null,
    candles: periods.reduce((total, { candles }) => total + candles, 0),
    hotRows: periods.reduce((total, { hotRows }) => total + hotRows, 0),
    coldMonths: filed.length,
    coveragePct: bounds.length === 0 ? null : coveragePct(coverage, interval, calendar),
    gaps: gapsOf(coverage, interval, calendar).length,
    historyStart: row.historyStart,
    lastCrawledAt: row.lastCrawledAt,
    lastError: row.lastError,
  };
}

/** A series that was added under a folder's name has the symbol that the name stands for. */
function symbolOf({ seriesId: id, exchange, symbol }: SeriesRow, interval: Interval): string {
  const unified = unifySymbol(symbol, exchange);
  return seriesId({ exchange, symbol: unified, interval }) === id ? unified : symbol;
}

function sourceOf(rank: number): Source | null {
  for (const source of ["exchange", "import", "api"] as const) {
    if (SOURCE_RANK[source] === rank) return source;
  }
  return null;
}
