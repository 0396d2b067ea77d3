import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { type Progress, silentProgress } from "@/domain/ports/progress.ts";
import { applyBatch, type Target } from "./apply_batch.ts";
import { loadCheckpoints, otherSide, rebuildName } from "./checkpoints.ts";
import { type Member, typesOf } from "./member.ts";
import { createRowCache } from "./row_cache.ts";
import { clearSide, indexSide, swapSides } from "./sides.ts";

interface Deps {
  readonly database: Database;
  readonly store: EventStore;
  readonly clock: Clock;
}

/** Where a rebuild stands, for the status. */
export interface RebuildProgress {
  position: number;
  head: number;
}

export interface RebuildOptions {
  readonly state: RebuildProgress;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}

/** A fresh side knows all its rows as long as they fit here: nothing is read back while it fills. */
const CACHED_ROWS = 200_000;
const PAGE_EVENTS = 5_000;
const PAGE_BYTES = 8 * 1024 * 1024;
/** Tries to swap while the live side moves on. */
const SWAP_WAIT_MS = 5;

/**
 * Fills the side that nobody reads from the whole log, catches up, and swaps it in while holding the
 * checkpoint. Readers see the old rows until then and the new ones after; a rebuild that ends early
 * leaves the live side as it was.
 */
export async function rebuildMember(
  deps: Deps,
  member: Member,
  { state, signal, progress = silentProgress }: RebuildOptions,
): Promise<{ events: number }> {
  const { database } = deps;
  const { shape, projection } = member;
  const live = await liveCheckpoint(database, member.name);
  const side = otherSide(live.side);
  const name = rebuildName(member.name);
  await clearSide(database, shape, side);
  await database.query(
    `insert into checkpoint (name, pos, side) values ($1, 0, $2)
     on conflict (name) do update set pos = 0, side = excluded.side, error = null, at = now()`,
    [name, side],
  );
  const rows = createRowCache({ maxRows: CACHED_ROWS, complete: true });
  const target: Target = { projection, shape, name, side, rows };
  progress.start(`rebuild ${projection.name}`, { unit: "events", total: state.head });
  try {
    await fill(deps, target, { state, signal, progress });
    await indexSide(database, shape, side);
    for (;;) {
      await fill(deps, target, { state, signal, progress });
      const now = await liveCheckpoint(database, member.name);
      // A side that stopped is replaced where it stands behind; a live one only at the same position.
      const position = await level(database, { member, to: state.position, at: now.position });
      const swap = { name: member.name, position, from: live.side, to: side, shape };
      if (position === state.position && await swapSides(database, swap)) break;
      await deps.clock.sleep(SWAP_WAIT_MS, signal);
    }
    await database.query("delete from checkpoint where name = $1", [name]);
    await clearSide(database, shape, live.side);
  } finally {
    progress.finish();
  }
  return { events: state.position };
}

async function fill(
  { database, store }: Deps,
  target: Target,
  { state, signal, progress = silentProgress }: RebuildOptions,
): Promise<void> {
  const types = typesOf(target.projection);
  // The next page is read while this one is written.
  let next = store.readAll({ after: state.position, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES });
  for (;;) {
    signal?.throwIfAborted();
    const events = await next;
    const last = events.at(-1);
    if (last === undefined) return;
    next = store.readAll({ after: last.position, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES });
    next.catch(() => {});
    const own = events.filter(({ type }) => types.includes(type));
    const batch = { from: state.position, events: own.at(-1) === last ? own : [...own, last] };
    const moved = await applyBatch(database, [target], batch);
    if (!moved.has(target.name)) throw new Error(`Another rebuild of ${target.name} has begun`);
    progress.advance(last.position - state.position);
    state.position = last.position;
    state.head = Math.max(state.head, last.position);
  }
}

async function liveCheckpoint(database: Database, name: string) {
  const checkpoint = (await loadCheckpoints(database, [name])).get(name);
  if (checkpoint === undefined) throw new Error(`The checkpoint ${name} is missing`);
  return checkpoint;
}

/** Lifts the checkpoint of a side that stopped to where its replacement stands. */
async function level(
  database: Database,
  { member: { name, failed }, to, at }: { member: Member; to: number; at: number },
): Promise<number> {
  if (failed === undefined || at >= to) return at;
  await database.query("update checkpoint set pos = $1 where name = $2 and pos = $3", [
    to,
    name,
    at,
  ]);
  return to;
}
