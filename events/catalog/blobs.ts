import { z } from "zod";
import type { EventOf } from "../define.ts";
import { blobRef } from "./klines.ts";

/** What can happen to blobs as such. Stream `blob_deletions`. */
export const blobEvents = {
  /** Nothing needs them any more and they go: who misses one later finds why. Recorded first, then done. */
  BlobsDeleted: z.object({ blobs: z.array(blobRef).min(1).max(500), reason: z.string() }),
} as const;

export type BlobEvent = EventOf<typeof blobEvents>;
