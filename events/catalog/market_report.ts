import { z } from "zod";
import type { EventOf } from "../define.ts";
import { blobRef } from "./klines.ts";

const name = z.string().min(1);

/** A page's statement on one product and day; (source, kind, product, contract, reportDate) is its identity. */
const row = z.object({
  kind: z.enum([
    ...["sentiment", "position_ranking", "volatility", "structure", "rating"] as const,
    ...["warehouse", "daily"] as const,
  ]),
  exchange: name.nullable(),
  product: name,
  contract: name.nullable(),
  /** `2026-03-01`, in the exchange's calendar. */
  reportDate: z.iso.date(),
  values: z.record(z.string(), z.json()),
});

/** What market pages said. Stream `market_report-<source>-<YYYY-MM of the capture>`. */
export const marketReportEvents = {
  /** What one crawl was answered; what another says of the same identity takes its place. */
  MarketReportCrawled: z.object({
    source: name,
    runId: name,
    capturedAt: z.int(),
    /** The answer as it came; several as lines of JSON. */
    answer: blobRef,
    /** Those that were not held in the same words; none where nothing had changed. */
    rows: z.array(row).max(500),
  }),
} as const;

export type MarketReportEvent = EventOf<typeof marketReportEvents>;
export type MarketReportRow = z.infer<typeof row>;
