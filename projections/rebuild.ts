import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Recorded } from "@/events/define.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { type Progress, silentProgress } from "@/domain/ports/progress.ts";
import { applyBatch, isRetryable, type Target } from "./apply_batch.ts";
import { boundRows } from "./batch.ts";
import {
  type Checkpoint,
  holdName,
  loadCheckpoints,
  otherSide,
  rebuildName,
  type Side,
} from "./checkpoints.ts";
import { type Member, typesOf } from "./member.ts";
import { createRowCache } from "./row_cache.ts";
import type { TableShape } from "./table_shape.ts";
import { beginRebuild, clearSide, holdSide, indexSide, swapSides } from "./sides.ts";

interface Deps {
  readonly database: Database;
  readonly store: EventStore;
  readonly clock: Clock;
}

/** Where a rebuild stands, for the status. */
export interface RebuildProgress {
  position: number;
  head: number;
  trouble: string | undefined;
}

interface Work {
  readonly state: RebuildProgress;
  readonly signal: AbortSignal;
  readonly progress?: Progress | undefined;
}

/** A fresh side knows all its rows as long as they fit here: nothing is read back while it fills. */
const CACHED_ROWS = 200_000;
const PAGE_EVENTS = 5_000;
const PAGE_BYTES = 8 * 1024 * 1024;
/** After so many tries that found the live side further, it waits: writers may never pause. */
const FREE_TRIES = 3;
/** Between tries to swap while readers keep the view or the live side moves on. */
const SWAP_WAIT_MS = 5;
const MAX_WAIT_MS = 10_000;

/**
 * Fills the side that nobody reads from the whole log, catches up, and swaps it in while holding the
 * checkpoint. Readers see the old rows until then and the new ones after; a rebuild that ends early
 * leaves the live side as it was. Lost connections and the like only make it wait.
 */
export async function rebuildMember(
  deps: Deps,
  { name: liveName, projection, shape }: Pick<Member, "name" | "projection" | "shape">,
  { state, signal, progress = silentProgress }: Work,
): Promise<{ events: number }> {
  const { database } = deps;
  const work = { state, signal, progress };
  const persistently = <T>(step: () => Promise<T>) => persist(deps.clock, work, step);
  const live = await persistently(async () => {
    for (;;) {
      const { side } = await checkpointOf(database, liveName);
      const begin = { name: liveName, live: side, to: otherSide(side), shape };
      if (await beginRebuild(database, begin)) return side;
    }
  });
  const side = otherSide(live);
  const rows = createRowCache({ maxRows: CACHED_ROWS, complete: true });
  const claim = crypto.randomUUID();
  const target: Target = { projection, shape, name: rebuildName(liveName), side, claim, rows };
  progress.start(`rebuild ${projection.name}`, { unit: "events", total: state.head });
  try {
    await persistently(async () => fill(deps, target, { ...work, until: await deps.store.head() }));
    await persistently(() => indexSide(database, shape, side));
    await persistently(() =>
      swapIn(deps, target, { ...work, live: { name: liveName, side: live } })
    );
  } catch (error) {
    if (!(error instanceof RebuildLost)) {
      await abandon(database, { name: liveName, side, shape }).catch(() => {});
    }
    throw error;
  } finally {
    progress.finish();
  }
  await persistently(() => clearSide(database, { name: liveName, side: live, shape }));
  return { events: state.position };
}

/** Up to a position of the log at least; starts from where the rebuild's checkpoint stands. */
async function fill(
  { database, store }: Deps,
  target: Target,
  { state, signal, progress = silentProgress, until }: Work & { readonly until: number },
): Promise<void> {
  const { position, side } = await checkpointOf(database, target.name);
  if (side !== target.side) throw new RebuildLost(target.name);
  if (position !== state.position) target.rows.clear();
  state.position = position;
  const types = new Set(typesOf(target.projection));
  const page = (after: number) =>
    store.readAll({ after, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES });
  let next = position < until ? page(position) : undefined;
  while (next !== undefined) {
    const events = await next;
    const last = events.at(-1);
    if (last === undefined) return;
    // The next page is read while this one is written.
    next = last.position < until ? page(last.position) : undefined;
    next?.catch(() => {});
    for (let rest: readonly Recorded[] = events; rest.length > 0;) {
      signal.throwIfAborted();
      const part = boundRows(rest, [target.projection]);
      rest = rest.slice(part.length);
      const to = part.at(-1) ?? last;
      const own = part.filter((event) => event === to || types.has(event.type));
      const moved = await applyBatch(database, [target], { from: state.position, events: own });
      if (!moved.has(target.name)) throw new RebuildLost(target.name);
      progress.advance(to.position - state.position);
      state.position = to.position;
      state.head = Math.max(state.head, to.position);
      state.trouble = undefined;
    }
  }
}

/**
 * A live side that stands behind is replaced as well: the checkpoint moves on with the swap. One that
 * keeps moving is held where it stands.
 */
async function swapIn(
  deps: Deps,
  target: Target,
  { live, ...work }: Work & { live: { name: string; side: Side } },
): Promise<void> {
  const { database, clock } = deps;
  const { shape, side } = target;
  for (let tries = 0;;) {
    const now = await checkpointOf(database, live.name);
    // The answer to an earlier try was lost.
    if (now.side === side) return;
    const held = tries < FREE_TRIES ? undefined : await holdSide(database, live);
    await fill(deps, target, { ...work, until: held ?? await deps.store.head() });
    const { position } = work.state;
    const swap = { name: live.name, from: live.side, to: side, position, shape };
    const outcome = await swapSides(database, swap);
    if (outcome === "swapped") return;
    if (outcome === "moved") tries++;
    if (outcome === "lost") throw new RebuildLost(target.name);
    await clock.sleep(SWAP_WAIT_MS, work.signal);
  }
}

/** Frees the half-filled side. */
async function abandon(
  database: Database,
  { name, side, shape }: { name: string; side: Side; shape: TableShape },
): Promise<void> {
  await database.query(
    "delete from checkpoint where name = $1 and side = $2 or name = $3 and side = $4",
    [rebuildName(name), side, holdName(name), otherSide(side)],
  );
  await clearSide(database, { name, side, shape });
}

async function persist<T>(
  clock: Clock,
  { state, signal }: Work,
  step: () => Promise<T>,
): Promise<T> {
  for (let waitMs = 50;; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      return await step();
    } catch (error) {
      signal.throwIfAborted();
      if (!isRetryable(error)) throw error;
      state.trouble = error instanceof Error ? error.message : String(error);
      await clock.sleep(waitMs, signal);
    }
  }
}

async function checkpointOf(database: Database, name: string): Promise<Checkpoint> {
  const checkpoint = (await loadCheckpoints(database, [name])).get(name);
  if (checkpoint === undefined) throw new RebuildLost(name);
  return checkpoint;
}

/** Somebody else rebuilds it now. */
class RebuildLost extends Error {
  override readonly name = "RebuildLost";
  constructor(checkpoint: string) {
    super(`Cannot go on with ${checkpoint}: another rebuild has begun, or its checkpoint is gone`);
  }
}
