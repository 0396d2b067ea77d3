import { alertEvents } from "./alert.ts";
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
  ...requestEvents,
  ...crawlerEvents,
  ...crawlerRunEvents,
  ...marketReportEvents,
  ...alertEvents,
} as const;
