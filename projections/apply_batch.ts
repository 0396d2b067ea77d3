import type { Recorded } from "@/events/define.ts";
import { type Database, DatabaseError, type Statement } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { guardParams, guardSql, keepClaim, type Side, takeClaim } from "./checkpoints.ts";
import type { BulkProjection, RowProjection } from "./define.ts";
import { fold, type ProjectedRow, type Touch, touches } from "./fold.ts";
import type { RowCache } from "./row_cache.ts";
import type { TableShape } from "./table_shape.ts";
import {
  completeRow,
  decodeRow,
  keyOf,
  loadRows,
  type Move,
  sideTable,
  writeBatch,
} from "./write_batch.ts";

/** Where the rows of a projection go: its live side, or the side that a rebuild fills. */
export interface Target {
  readonly projection: RowProjection<never, never> | BulkProjection;
  readonly shape: TableShape;
  /** Checkpoint that moves with the rows. */
  readonly name: string;
  readonly side: Side;
  /** Marks what is filled as this follower's own. */
  readonly claim: string;
  readonly rows: RowCache;
}

/**
 * Folds a batch into all targets, which stand at `from`, and moves their checkpoints to its last
 * event in one statement. Answers the names that moved; another instance was first with the rest.
 */
export async function applyBatch(
  database: Database,
  targets: readonly Target[],
  { from, events }: { from: number; events: readonly Recorded[] },
): Promise<ReadonlySet<string>> {
  const to = events.at(-1)?.position ?? from;
  const moves: Move[] = [];
  for (const target of targets) {
    const { name, side, shape, projection } = target;
    if (projection.kind === "rows") {
      const changed = await foldRows(database, { ...target, projection }, { from, events });
      moves.push({ name, side, shape, claim: null, changed });
      continue;
    }
    const claim = await applyBulk(database, { ...target, projection }, { from, events });
    if (claim !== undefined) moves.push({ name, side, shape, claim, changed: new Map() });
  }
  if (moves.length === 0) return new Set();
  const rows = await database.query(...statement(writeBatch(moves, { from, to })));
  const moved = new Set(trusted<{ name: string }[]>(rows).map(({ name }) => name));
  for (const target of targets) {
    if (!moved.has(target.name)) target.rows.clear();
    const { changed = [] } = moves.find(({ name }) => name === target.name) ?? {};
    if (moved.has(target.name)) { for (const [key, row] of changed) target.rows.set(key, row); }
  }
  return moved;
}

/** Its own fault: trying again does not help until somebody mends something. */
export function isFatal(error: unknown): boolean {
  if (error instanceof DatabaseError) return /^2[23]/.test(error.sqlstate ?? "");
  if (error instanceof AdapterError) return !error.retryable;
  return true;
}

/** No projection's fault: none of them could be written. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlstate === undefined;
}

/** The world's fault and gone with time: what a rebuild waits for instead of giving up. */
export function isRetryable(error: unknown): boolean {
  return (error instanceof DatabaseError || error instanceof AdapterError) && error.retryable;
}

type Batch = { from: number; events: readonly Recorded[] };

async function foldRows(
  database: Database,
  { projection, shape, side, rows }: Target & { projection: RowProjection<never, never> },
  { events }: Batch,
): Promise<ReadonlyMap<string, ProjectedRow | undefined>> {
  const touched = touches(projection, events);
  const keys = new Set(touched.flatMap((touch) => touch.keys));
  const fresh = projection.oneStream === true ? firstTouched(touched) : new Set<string>();
  const missing = rows.missing(keys).filter((key) => !fresh.has(key));
  const before = new Map<string, ProjectedRow>();
  for (const key of keys) {
    const row = rows.get(key);
    if (row !== undefined) before.set(key, row);
  }
  // What the cache learns now may push out what it has just given.
  if (missing.length > 0) {
    const found = await database.values(...statement(loadRows(shape, side, missing)));
    for (const key of missing) rows.set(key, undefined);
    for (const values of found) {
      const row = decodeRow(shape, values);
      const key = keyOf(shape, row);
      rows.set(key, row);
      before.set(key, row);
    }
  }
  const changed = fold(projection, before, touched);
  return new Map([...changed].map(([key, row]) => {
    if (row !== undefined && keyOf(shape, row) !== key) {
      throw new Error(
        `Cannot keep row "${keyOf(shape, row)}" of ${projection.name}: its key is "${key}"`,
      );
    }
    return [key, row && completeRow(shape, row)];
  }));
}

/** Rows whose stream begins in this batch. */
function firstTouched(touched: readonly Touch[]): ReadonlySet<string> {
  const first = touched.filter(({ event }) => event.version === 1);
  return new Set(first.flatMap(({ keys }) => keys));
}

/** Answers the claim under which the rows were written, null without any; undefined: another has it. */
async function applyBulk(
  database: Database,
  { projection, shape, side, name, claim }: Target & { projection: BulkProjection },
  { from, events }: Batch,
): Promise<string | null | undefined> {
  const own = events.filter(({ type }) => projection.types.includes(type));
  if (own.length === 0) return null;
  const place = { name, position: from, side, claim };
  const { engine } = database;
  const taken = await database.query(...statement(takeClaim(place, engine)));
  if (taken.length === 0) return undefined;
  const lead = guardParams(place);
  const stopBeating = engine === "pglite" ? undefined : beat(database, keepClaim(place));
  try {
    await projection.apply(own, {
      table: sideTable(shape, side),
      engine,
      guard: guardSql,
      async run({ sql, params = [] }) {
        await database.giveWay();
        return await database.query(sql, [...params, ...lead]);
      },
    });
  } finally {
    await stopBeating?.();
  }
  return claim;
}

const BEAT_MS = 1_000;

/** Runs a statement each second, whatever becomes of it, until it is stopped. */
function beat(database: Database, again: Statement): () => Promise<void> {
  let beating: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    beating = database.query(...statement(again)).catch(() => {});
  }, BEAT_MS);
  return async () => {
    clearInterval(timer);
    await beating;
  };
}

function statement(
  { sql, params = [] }: Statement,
): Parameters<Database["query"]> {
  return [sql, params];
}
