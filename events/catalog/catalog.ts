import { archiveEvents } from "./archive.ts";
import { blobEvents } from "./blobs.ts";
import { klineEvents, klineRejectionEvents } from "./klines.ts";
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
} as const;
