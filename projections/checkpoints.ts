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

/** A place of a bulk projection, and the mark of whoever fills its table from there. */
export interface ClaimedPlace extends Place {
  readonly claim: string;
}

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
 * Marks a bulk projection's table as one's own until its checkpoint moves: statements of two
 * instances that mix would bring rows back that one has deleted. No row comes back while another
 * one has it, or when the checkpoint is elsewhere. Who shows nothing for three seconds is gone, and
 * what it still writes is refused by the guard; an embedded database has no other instance.
 */
export function takeClaim(
  { name, position, side, claim }: ClaimedPlace,
  engine: Database["engine"],
): Statement {
  const isFree = engine === "pglite"
    ? "true"
    : "claim is null or claim = $4 or claimed_at < clock_timestamp() - interval '3 seconds'";
  return {
    sql: `update checkpoint set claim = $4, claimed_at = clock_timestamp()
          where name = $1 and pos = $2 and side = $3 and (${isFree})
          returning set_config('synchronous_commit', 'off', true)`,
    params: [name, position, side, claim],
  };
}

/** Shows that the work goes on. */
export function keepClaim({ name, claim }: ClaimedPlace): Statement {
  return {
    sql: `update checkpoint set claimed_at = clock_timestamp() where name = $1 and claim = $2
          returning set_config('synchronous_commit', 'off', true)`,
    params: [name, claim],
  };
}

/**
 * Condition that holds while a checkpoint stands at its position and side, claimed: see
 * {@linkcode guardParams}. It keeps the row from moving until the statement ends: a concurrent
 * compare-and-set waits for it, or it waits for that one and then sees the new position. Its
 * transaction does not wait for the disk.
 */
export function guardSql(params: number): string {
  return `exists (select 1 from checkpoint where name = $${params + 1}::text ` +
    `and pos = $${params + 2}::bigint and side = $${params + 3}::text ` +
    `and claim = $${params + 4}::text ` +
    `and set_config('synchronous_commit', 'off', true) = 'off' for share)`;
}

export function guardParams({ name, position, side, claim }: ClaimedPlace): SqlScalar[] {
  return [name, position, side, claim];
}
