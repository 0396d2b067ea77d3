import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { type Checkpoint, checkpointName, loadCheckpoints, type Side } from "./checkpoints.ts";
import type { Projection } from "./define.ts";
import { createRowCache, type RowCache } from "./row_cache.ts";
import { type TableShape, tableShape } from "./table_shape.ts";

/** A projection as this process follows the log with it. */
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
  /** Its events go in, its rows are remembered here. */
  readonly rows: RowCache;
}

const CACHED_ROWS = 10_000;

export async function loadMembers(
  database: Database,
  projections: readonly Projection[],
): Promise<Member[]> {
  const members = projections.map((projection): Member => ({
    projection,
    shape: tableShape(projection.table),
    name: checkpointName(projection),
    position: 0,
    side: "a",
    failed: undefined,
    trouble: undefined,
    rows: createRowCache({ maxRows: CACHED_ROWS }),
  }));
  await reload(database, members);
  return members;
}

/** Takes what the database says where it says something else; answers whether anything moved. */
export async function reload(database: Database, members: readonly Member[]): Promise<boolean> {
  const found = await loadCheckpoints(database, members.map(({ name }) => name));
  let moved = false;
  for (const member of members) {
    const checkpoint = found.get(member.name);
    if (checkpoint === undefined || isSame(member, checkpoint)) continue;
    member.position = checkpoint.position;
    member.side = checkpoint.side;
    member.rows.clear();
    moved = true;
  }
  return moved;
}

function isSame(member: Member, { position, side }: Checkpoint): boolean {
  return member.position === position && member.side === side;
}

/** Types that a projection does something with. */
export function typesOf(projection: Projection): readonly string[] {
  return projection.kind === "bulk"
    ? projection.types
    : Object.keys(trusted<object>(projection.on));
}
