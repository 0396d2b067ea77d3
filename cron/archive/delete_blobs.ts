import type { BlobRef } from "@/events/blobs/blobs.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { DAY_MS } from "@/domain/klines/interval.ts";
import { listDeletedSince, listReleased } from "@/projections/blob_uses.ts";
import type { ArchiveDeps, ArchiveRun } from "./archive_deps.ts";

/** A younger blob may belong to an event that is about to be written. */
const LEAST_AGE_MS = DAY_MS;
/** How long a deletion that was cut off is looked for. */
const LOOK_BACK_MS = 7 * DAY_MS;
const AT_ONCE = 100;
const VISIBLE_MS = 60_000;

export interface DeletedBlobs {
  readonly blobsDeleted: number;
  readonly bytesFreed: number;
}

/** Says in the log which blobs go, then deletes them. One that was put again in between stays. */
export async function deleteBlobs(deps: ArchiveDeps, run: ArchiveRun): Promise<DeletedBlobs> {
  const { db, clock, store, projections, blobs, log } = deps;
  // What is not known to be needed again would go.
  if (!await projections.waitFor(await store.head(), VISIBLE_MS, ["blob_uses"])) {
    log.warn("no blob is deleted: the read model of their uses is behind");
    return { blobsDeleted: 0, bytesFreed: 0 };
  }
  const putBefore = new Date(clock.now() - LEAST_AGE_MS);
  const cutOff = await listDeletedSince(db, new Date(clock.now() - LOOK_BACK_MS));
  const deleted = await remove(deps, run, { refs: cutOff, putBefore });
  const due = (await listReleased(db)).map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes }));
  const old: BlobRef[] = [];
  for (const ref of due) {
    const putAt = await blobs.putAt(ref.sha256);
    if (putAt !== undefined && putAt < putBefore) old.push(ref);
  }
  for (let at = 0; at < old.length; at += AT_ONCE) {
    run.signal.throwIfAborted();
    const refs = old.slice(at, at + AT_ONCE);
    const { position } = await store.append([{
      stream: "blob_deletions",
      expected: "any",
      events: [{ type: "BlobsDeleted", data: { blobs: refs, reason: "compacted" } }],
    }], { actor: run.actor, commandId: uuidV5(run.runId, `delete/${at}/${refs[0]?.sha256}`) });
    await projections.waitFor(position);
    deleted.push(...await remove(deps, run, { refs, putBefore }));
  }
  return {
    blobsDeleted: deleted.length,
    bytesFreed: deleted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function remove(
  { blobs }: ArchiveDeps,
  { signal }: ArchiveRun,
  { refs, putBefore }: { refs: readonly BlobRef[]; putBefore: Date },
): Promise<BlobRef[]> {
  const deleted: BlobRef[] = [];
  for (const ref of refs) {
    signal.throwIfAborted();
    if (await blobs.deleteOld(ref.sha256, putBefore)) deleted.push(ref);
  }
  return deleted;
}
