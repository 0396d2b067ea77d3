import { alertEvents } from "./alert.ts";
import { archiveEvents } from "./archive.ts";
import { blobEvents } from "./blobs.ts";
import { crawlerEvents, crawlerRunEvents } from "./crawler.ts";
import { klineEvents, klineRejectionEvents } from "./klines.ts";
import { marketReportEvents } from "./market_report.ts";
import { requestEvents } from "./request.ts";
import { seriesEvents } from "./series.ts";

/** Every event type of the house with the schema of its current version. */
export const catalog = {
  ...seriesEvents,
  ...klineEvents,
  ...klineRejectionEvents,
  ...archiveEvents,
  ...blobEvents,
  ...requestEvents,
  ...crawlerEvents,
  ...crawlerRunEvents,
  ...marketReportEvents,
  ...alertEvents,
} as const;
