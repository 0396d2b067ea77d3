import { z } from "@hono/zod-openapi";
import { INTERVALS } from "@/domain/klines/interval.ts";
import type { SeriesView } from "@/projections/series_queries.ts";

const ms = z.int().nullable();
const count = z.int().min(0);

/** A series on the wire. */
export const seriesWire = z.object({
  id: z.string().openapi({ example: "binance.BTC-USDT.1m" }),
  exchange: z.string().openapi({ example: "binance" }),
  symbol: z.string().openapi({ example: "BTC/USDT" }),
  interval: z.enum(INTERVALS),
  watched: z.boolean(),
  simulated: z.boolean().openapi({ description: "Its candles are made up." }),
  source: z.enum(["exchange", "import", "api"]).nullable(),
  first_open_time: ms,
  last_open_time: ms,
  candles: count,
  hot_rows: count,
  cold_months: count,
  coverage_pct: z.number().nullable().openapi({ description: "Of [first, last]." }),
  gaps: count,
  history_start: ms,
  last_crawled_at: z.iso.datetime().nullable(),
  last_error: z.string().nullable(),
}).openapi("Series");

export function toSeriesWire(view: SeriesView): z.infer<typeof seriesWire> {
  return {
    id: view.id,
    exchange: view.exchange,
    symbol: view.symbol,
    interval: view.interval,
    watched: view.watched,
    simulated: view.simulated,
    source: view.source,
    first_open_time: view.firstOpenTime,
    last_open_time: view.lastOpenTime,
    candles: view.candles,
    hot_rows: view.hotRows,
    cold_months: view.coldMonths,
    coverage_pct: view.coveragePct,
    gaps: view.gaps,
    history_start: view.historyStart,
    last_crawled_at: view.lastCrawledAt?.toISOString() ?? null,
    last_error: view.lastError,
  };
}
