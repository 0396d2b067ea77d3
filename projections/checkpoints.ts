import type { Database, SqlRow, Statement } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { literal } from "./table_shape.ts";

export type Side = "a" | "b";

/** How far a projection got, as the database has it. */
export interface Checkpoint {
  readonly name: string;
  readonly position: number;
  readonly side: Side;
  readonly error: string | undefined;
  /** Moved within the last half minute, by the database's clock. */
  readonly fresh: boolean;
}

export function checkpointName({ name, version }: { name: string; version: number }): string {
  return `${name}@${version}`;
}

/** The row of a rebuild that fills the other side. */
export function rebuildName(name: string): string {
  return `${name}/rebuild`;
}

export function otherSide(side: Side): Side {
  return side === "a" ? "b" : "a";
}

export async function loadCheckpoints(
  database: Database,
  names: readonly string[],
): Promise<Map<string, Checkpoint>> {
  const rows = await database.query(
    `select name, pos, side, error, at > now() - interval '30 seconds' as fresh
     from checkpoint where name = any($1::text[])`,
    [names],
  );
  return new Map(rows.map((row) => {
    const checkpoint = parse(row);
    return [checkpoint.name, checkpoint];
  }));
}

function parse(row: SqlRow): Checkpoint {
  const { name, pos, side, error, fresh } = trusted<
    { name: string; pos: number | string; side: Side; error: string | null; fresh: boolean }
  >(row);
  return { name, position: Number(pos), side, error: error ?? undefined, fresh };
}

/** Records why a projection stopped, unless another instance has moved it meanwhile. */
export function recordError(
  { name, position, side }: Pick<Checkpoint, "name" | "position" | "side">,
  error: string,
): Statement {
  return {
    // NUL is the one character that a message can hold and PostgreSQL cannot.
    sql: `update checkpoint set error = $1 where name = $2 and pos = $3 and side = $4`,
    params: [error.replaceAll("\0", "").slice(0, 2_000), name, position, side],
  };
}

/**
 * Condition that holds while `name` stands at this position and side. It keeps the row from moving
 * until the statement ends: a concurrent compare-and-set waits for it, or it waits for that one and
 * then sees the new position. Its transaction does not wait for the disk.
 */
export function guardSql(
  { name, position, side }: Pick<Checkpoint, "name" | "position" | "side">,
): string {
  return `exists (select 1 from checkpoint where name = ${literal(name)} and pos = ${position} ` +
    `and side = ${
      literal(side)
    } and set_config('synchronous_commit', 'off', true) = 'off' for share)`;
}
