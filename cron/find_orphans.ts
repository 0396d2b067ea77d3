import type { Blobs, StoredBlob } from "@/events/blobs/blobs.ts";

export interface FindOrphans {
  readonly blobs: Pick<Blobs, "list">;
  /** Every SHA-256 that an event names. */
  readonly referenced: AsyncIterable<string>;
  readonly now: Date;
  /** Younger blobs may belong to an event that is about to be written; a day by default. */
  readonly olderThanMs?: number | undefined;
}

const DAY_MS = 86_400_000;

/** Blobs that no event names, oldest first. They are listed before the events are read, so that a blob named meanwhile is not among them. */
export async function findOrphans(
  { blobs, referenced, now, olderThanMs = DAY_MS }: FindOrphans,
): Promise<StoredBlob[]> {
  const candidates = new Map<string, StoredBlob>();
  for await (const blob of blobs.list()) {
    if (now.getTime() - blob.putAt.getTime() > olderThanMs) candidates.set(blob.sha256, blob);
  }
  for await (const sha256 of referenced) candidates.delete(sha256);
  return [...candidates.values()].sort((a, b) =>
    a.putAt.getTime() - b.putAt.getTime() || (a.sha256 < b.sha256 ? -1 : 1)
  );
}
