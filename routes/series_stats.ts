import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import { PLAIN_CANDLE_BYTES, type SeriesStats } from "@/projections/series_stats.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { success } from "./envelope.ts";
import { findSeries, type SeriesDirectory } from "./series_directory.ts";

type Deps = Pick<AppDeps, "seriesStats"> & { readonly directory: SeriesDirectory };

const count = z.int().min(0);
const minutes = z.number().min(0);

const statsWire = z.object({
  id: z.string(),
  candles: count,
  hot_rows: count.openapi({ description: "Candles that lie in the database." }),
  cold_months: count.openapi({
    description: "Periods that lie in files: months below 1h, days for 1s, years from 1h up.",
  }),
  cold_candles: count,
  bytes: count.openapi({ description: "Of the files." }),
  bytes_per_candle: z.number().nullable(),
  compression: z.number().nullable().openapi({
    description: `${PLAIN_CANDLE_BYTES} bytes a candle (eleven columns of eight bytes) against ` +
      "what one takes in the files; null without files.",
  }),
  coverage_pct: z.number().nullable().openapi({ description: "Of [first, last]." }),
  verified_empty_minutes: minutes.openapi({
    description: "Between the first and the last candle: the exchange has none, asked twice.",
  }),
  unverified_empty_minutes: minutes.openapi({
    description: "Between the first and the last candle: missing, and not known to be empty.",
  }),
}).openapi("SeriesStats");

/** `GET /api/v1/series/{id}/stats`. */
export function addSeriesStatsRoutes(router: Router, { seriesStats, directory }: Deps): void {
  endpoint(router, {
    ...{ method: "get", path: "/api/v1/series/{id}/stats", access: "market", tag: "Series" },
    params: { id: "Id of the series, e.g. `binance.BTC-USDT.1m`" },
    summary: "What a series costs, and how whole it is",
    ...{ query: z.strictObject({}), body: undefined },
    answer: { status: 200, description: "Counted as the read models stand", data: statsWire },
  }, async (c) => {
    const { id } = findSeries(await directory.list(), c.req.param("id") ?? "");
    const stats = await seriesStats(id);
    if (stats === undefined) throw new Refusal("not_found", `Cannot find series ${id}`);
    return success(c, toWire(id, stats));
  });
}

function toWire(id: string, stats: SeriesStats): z.infer<typeof statsWire> {
  const { candles, hotRows, coldPeriods, coldCandles, coldBytes, compression } = stats;
  return {
    ...{ id, candles, hot_rows: hotRows, cold_months: coldPeriods, cold_candles: coldCandles },
    bytes: coldBytes,
    bytes_per_candle: coldCandles === 0 ? null : rounded(coldBytes / coldCandles),
    compression: compression === null ? null : rounded(compression),
    coverage_pct: stats.coveragePct,
    verified_empty_minutes: stats.verifiedEmptyMinutes,
    unverified_empty_minutes: stats.unverifiedMinutes,
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
