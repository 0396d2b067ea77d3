import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { type Checkpoint, loadCheckpoints, rebuildName } from "./checkpoints.ts";
import type { ProjectionStatus } from "./define.ts";
import type { Member } from "./member.ts";
import type { RebuildProgress } from "./rebuild.ts";

/** Where everybody stands; also while the database does not answer, by what was known last. */
export async function readStatus(
  { database, store }: { database: Database; store: EventStore },
  members: readonly Member[],
  own: ReadonlyMap<string, RebuildProgress>,
): Promise<readonly ProjectionStatus[]> {
  const known = Math.max(0, ...members.map(({ position }) => position));
  const head = Math.max(known, await store.head().catch(() => 0));
  const names = members.map(({ name }) => rebuildName(name));
  const none = new Map<string, Checkpoint>();
  const found = await loadCheckpoints(database, names).catch(() => none);
  return members.map((member) => {
    // Another instance may be at it.
    const elsewhere = found.get(rebuildName(member.name));
    const rebuild = own.get(member.projection.name) ??
      (elsewhere?.fresh ? { position: elsewhere.position, head, trouble: undefined } : undefined);
    return statusOf(member, head, rebuild);
  });
}

function statusOf(
  { projection, position, failed, trouble }: Member,
  head: number,
  rebuild: RebuildProgress | undefined,
): ProjectionStatus {
  const lag = head - position;
  const following = failed !== undefined ? "failed" : lag === 0 ? "live" : "behind";
  return {
    name: projection.name,
    version: projection.version,
    status: rebuild === undefined ? following : "rebuilding",
    position,
    lag,
    progress: rebuild && (rebuild.head === 0 ? 1 : Math.min(1, rebuild.position / rebuild.head)),
    lastError: rebuild?.trouble ?? failed ?? trouble,
  };
}
