import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { checkpointName, loadCheckpoints, type Side } from "./checkpoints.ts";
import type { Projection } from "./define.ts";
import { createRowCache, type RowCache } from "./row_cache.ts";
import { type TableShape, tableShape } from "./table_shape.ts";

/** A projection as this process follows the log with it. Only the loop that follows changes it. */
export interface Member {
  readonly projection: Projection;
  readonly shape: TableShape;
  /** Of its checkpoint row. */
  readonly name: string;
  position: number;
  side: Side;
  /** Why it stopped; undefined while it follows. */
  failed: string | undefined;
  /** What keeps it waiting for the moment. */
  trouble: string | undefined;
  /** How long it waited last, and until when, in ms: 0 while nothing is wrong. */
  waitMs: number;
  resumeAt: number;
  /** What the database has may be something else. */
  stale: boolean;
  /** Marks what it fills as its own. */
  readonly claim: string;
  readonly rows: RowCache;
}

const CACHED_ROWS = 10_000;

/** Each is tried again, also those that had stopped: their error is shown until they move. */
export async function loadMembers(
  database: Database,
  projections: readonly Projection[],
): Promise<Member[]> {
  const names = projections.map(checkpointName);
  const found = await loadCheckpoints(database, names);
  return projections.map((projection, at): Member => {
    const name = names[at] ?? "";
    const checkpoint = found.get(name);
    return {
      projection,
      shape: tableShape(projection.table),
      name,
      position: checkpoint?.position ?? 0,
      side: checkpoint?.side ?? "a",
      failed: undefined,
      trouble: checkpoint?.error,
      waitMs: 0,
      resumeAt: 0,
      stale: false,
      claim: crypto.randomUUID(),
      rows: createRowCache({ maxRows: CACHED_ROWS }),
    };
  });
}

/** Takes what the database says where it says something else; answers those that moved. */
export async function reload(
  database: Database,
  members: readonly Member[],
): Promise<ReadonlySet<Member>> {
  const found = await loadCheckpoints(database, members.map(({ name }) => name));
  const moved = new Set<Member>();
  for (const member of members) {
    const checkpoint = found.get(member.name);
    if (checkpoint === undefined) throw new Error(`The checkpoint ${member.name} is missing`);
    member.stale = false;
    if (member.position === checkpoint.position && member.side === checkpoint.side) continue;
    member.position = checkpoint.position;
    member.side = checkpoint.side;
    member.rows.clear();
    // Somebody got it past what stopped it here.
    member.failed = undefined;
    ease(member);
    moved.add(member);
  }
  return moved;
}

/** It goes on without waiting. */
export function ease(member: Member): void {
  member.trouble = undefined;
  member.waitMs = 0;
  member.resumeAt = 0;
}

/** Types that a projection does something with. */
export function typesOf(projection: Projection): readonly string[] {
  return projection.kind === "bulk"
    ? projection.types
    : Object.keys(trusted<object>(projection.on));
}
