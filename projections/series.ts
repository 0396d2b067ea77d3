import { bigint, boolean, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { SeriesEvent } from "@/events/catalog/series.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 1;
export const seriesTable = pgTable(`series_v${VERSION}`, {
  seriesId: text("series_id").primaryKey(),
  exchange: text("exchange").notNull(),
  symbol: text("symbol").notNull(),
  interval: text("interval").notNull(),
  simulated: boolean("simulated").notNull(),
  watched: boolean("watched").notNull(),
  historyStart: bigint("history_start", { mode: "number" }),
  /** Decimals its files hold. */
  priceScale: integer("price_scale").notNull(),
  volumeScale: integer("volume_scale").notNull(),
  quoteScale: integer("quote_scale").notNull(),
  lastCrawledAt: timestamp("last_crawled_at", { withTimezone: true }),
  lastError: text("last_error"),
  addedAt: timestamp("added_at", { withTimezone: true }).notNull(),
});
export type SeriesRow = typeof seriesTable.$inferSelect;

/** One row a series: what it is and how its crawl stands. Its candles are counted in `kline_periods`. */
export const series: RowProjection<SeriesEvent | KlineEvent, SeriesRow> = {
  kind: "rows",
  name: "series",
  version: VERSION,
  table: seriesTable,
  keys: ({ data }) => [data.seriesId],
  on: {
    SeriesAdded: (_row, { data, at }) => ({
      seriesId: data.seriesId,
      exchange: data.exchange,
      symbol: data.symbol,
      interval: data.interval,
      simulated: data.simulated,
      watched: false,
      historyStart: null,
      priceScale: 0,
      volumeScale: 0,
      quoteScale: 0,
      lastCrawledAt: null,
      lastError: null,
      addedAt: at,
    }),
    SeriesWatched: (row, { data }) => (
      row && { ...row, watched: true, historyStart: data.historyStart }
    ),
    SeriesUnwatched: (row) => row && { ...row, watched: false },
    SeriesScaleWidened: (row, { data }) =>
      row && {
        ...row,
        priceScale: Math.max(row.priceScale, data.price),
        volumeScale: Math.max(row.volumeScale, data.volume),
        quoteScale: Math.max(row.quoteScale, data.quote),
      },
    SeriesCrawlFailed: (row, { data }) => row && { ...row, lastError: data.error },
    SeriesCrawlRecovered: (row) => row && { ...row, lastError: null },
    KlinesRecorded: (row, event) => row && crawled(row, event.data.source, event.at),
    KlinesArchived: (row, { data, at }) => (
      // A file made of what was held already is nobody's crawl.
      row && data.ingested + data.revised > 0 ? crawled(row, data.source, at) : row
    ),
    KlinesFoundAbsent: (row, event) => row && crawled(row, "exchange", event.at),
  },
};

function crawled(row: SeriesRow, source: string, at: Date): SeriesRow {
  return source === "exchange" ? { ...row, lastCrawledAt: at } : row;
}
