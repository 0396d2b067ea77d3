import type { Database, SqlRow, SqlScalar, Statement } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";

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

type Place = Pick<Checkpoint, "name" | "position" | "side">;

export function checkpointName({ name, version }: { name: string; version: number }): string {
  return `${name}@${version}`;
}

/** The row of a rebuild that fills the other side. */
export function rebuildName(name: string): string {
  return `${name}/rebuild`;
}

/** The row of a rebuild that keeps the live side from moving; forgotten after two seconds. */
export function holdName(name: string): string {
  return `${name}/hold`;
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

/** Records why a projection stopped; no row comes back when another instance has moved it meanwhile. */
export function recordError({ name, position, side }: Place, error: string): Statement {
  return {
    sql: `update checkpoint set error = $1 where name = $2 and pos = $3 and side = $4
          returning name`,
    // NUL is the one character that a message can hold and PostgreSQL cannot.
    params: [error.replaceAll("\0", "").slice(0, 2_000), name, position, side],
  };
}

/**
 * Condition that holds while a checkpoint stands at its position and side: see
 * {@linkcode guardParams}. It keeps the row from moving until the statement ends: a concurrent
 * compare-and-set waits for it, or it waits for that one and then sees the new position. Its
 * transaction does not wait for the disk.
 */
export function guardSql(params: number): string {
  return `exists (select 1 from checkpoint where name = $${params + 1}::text ` +
    `and pos = $${params + 2}::bigint and side = $${params + 3}::text ` +
    `and set_config('synchronous_commit', 'off', true) = 'off' for share)`;
}

export function guardParams({ name, position, side }: Place): SqlScalar[] {
  return [name, position, side];
}
