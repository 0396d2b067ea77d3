import { BlobMissing, type BlobRef, type Blobs, type LocalBlob } from "@/events/blobs/blobs.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import type { EventStore } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";

interface Deps {
  readonly blobs: Pick<Blobs, "local">;
  readonly store: Pick<EventStore, "readAll">;
}

interface Batch extends Pick<Recorded, "stream" | "position"> {
  readonly blob: BlobRef;
}

/**
 * A batch as a file. Undefined where it went because a later event compacted it: its rows were dropped
 * before that, so whoever reads the log from the start need not make them. Throws BlobMissing otherwise.
 */
export async function lendBatch(
  { blobs, store }: Deps,
  batch: Batch,
): Promise<LocalBlob | undefined> {
  const { sha256 } = batch.blob;
  try {
    return await blobs.local(sha256, { anew: true });
  } catch (error) {
    if (!(error instanceof BlobMissing)) throw error;
    if (await isCompacted(store, batch)) return undefined;
    throw error;
  }
}

async function isCompacted(
  store: Deps["store"],
  { stream, position, blob }: Batch,
): Promise<boolean> {
  const types = ["KlineBatchesCompacted"];
  for (let after = position;;) {
    const events = trusted<Recorded<Compacted>[]>(
      await store.readAll({ after, limit: 100, types, stream }),
    );
    if (events.some(({ data }) => data.blobs.some(({ sha256 }) => sha256 === blob.sha256))) {
      return true;
    }
    const last = events.at(-1);
    if (last === undefined) return false;
    after = last.position;
  }
}

type Compacted = Extract<KlineEvent, { type: "KlineBatchesCompacted" }>;
