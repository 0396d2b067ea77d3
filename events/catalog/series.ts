import { z } from "zod";
import type { EventOf } from "../define.ts";

const seriesId = z.string().min(1);
const epochMs = z.int();

/** What can happen to a candle series as a whole. Stream `series-<seriesId>`. */
export const seriesEvents = {
  SeriesAdded: z.object({
    seriesId,
    exchange: z.string(),
    symbol: z.string(),
    interval: z.string(),
    simulated: z.boolean(),
  }),
  /** Crawled from now on, history from `historyStart` (null: the installation's default). */
  SeriesWatched: z.object({ seriesId, historyStart: epochMs.nullable() }),
  SeriesUnwatched: z.object({ seriesId }),
  /** Where a crawl of its history begins, whether it is watched or not. */
  SeriesHistoryStartSet: z.object({ seriesId, historyStart: epochMs }),
  /** Decimals its files hold; only ever grows. */
  SeriesScaleWidened: z.object({
    seriesId,
    price: z.int().min(0).max(18),
    volume: z.int().min(0).max(18),
    quote: z.int().min(0).max(18),
  }),
  /** Recorded when a crawl starts to fail or fails for another reason, not on every attempt. */
  SeriesCrawlFailed: z.object({ seriesId, error: z.string() }),
  SeriesCrawlRecovered: z.object({ seriesId }),
} as const;

export type SeriesEvent = EventOf<typeof seriesEvents>;
