import type { Upcasters } from "../store/upcast.ts";

/**
 * How old events become current ones, a list a type. To change the schema of an event: change it in
 * the catalog, add here what turns the old data into the new, keep the golden file of the old
 * version and add one of the new.
 */
export const upcasters: Upcasters = {
  AlertRaised: [(data) => ({ ...data, channels: null })],
  ...{ CrawlerAttempted: [nothingStored], CrawlerFailed: [nothingStored] },
  CrawlerTimedOut: [nothingStored],
  KlineBatchesCompacted: [(data) => ({ ...data, refusedThrough: null })],
  KlinesRejected: [(data) => ({ ...data, blobTimes: null })],
};

/** Nobody noted it then. */
function nothingStored(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...data, rows: null, bytes: null };
}
