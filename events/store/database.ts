/** Scalar or array (`$1::text[]`) parameter. Arrays may also be given as PostgreSQL array literals. */
export type SqlValue = SqlScalar | readonly SqlScalar[];
export type SqlScalar = string | number | bigint | boolean | null | Date | Uint8Array;

export interface Statement {
  readonly sql: string;
  readonly params?: readonly SqlValue[];
}

export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * The little that the log and the projections ask of a PostgreSQL, embedded or server.
 *
 * Values arrive as: int2/4/8 → number, numeric → string, float → number, json(b) → parsed,
 * timestamptz → Date, bytea → Uint8Array, arrays → arrays. Failures are {@linkcode DatabaseError}.
 */
export interface Database {
  readonly engine: "pglite" | "postgres";
  /** One statement in its own transaction; rows as objects. */
  query(sql: string, params?: readonly SqlValue[]): Promise<SqlRow[]>;
  /** The same with rows as arrays, in the order of the select list (for drizzle). */
  values(sql: string, params?: readonly SqlValue[]): Promise<unknown[][]>;
  /** All or none, sent as one message; the rows of each statement. */
  transaction(statements: readonly Statement[]): Promise<SqlRow[][]>;
  /** Several statements without parameters, for migrations. */
  script(sql: string): Promise<void>;
  /**
   * For work of many statements, before each: where everybody shares one connection, lets the short
   * statements of others go first, for a bounded time; else at once.
   */
  giveWay(): Promise<void>;
  /** Survives reconnects; `onGap` fires when notifications may have been missed. */
  listen(channel: string, on: (payload: string) => void, onGap: () => void): Promise<Unlisten>;
  /** Ends running work and releases the directory or the pool. */
  close(): Promise<void>;
}

export type Unlisten = () => Promise<void>;

/** `sqlstate` is PostgreSQL's five letters, or undefined when the connection itself failed. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly sqlstate: string | undefined;
  readonly constraint: string | undefined;
  constructor(
    message: string,
    { sqlstate, constraint, cause }: {
      sqlstate?: string | undefined;
      constraint?: string | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause });
    this.sqlstate = sqlstate;
    this.constraint = constraint;
  }

  /** Lost connections, timeouts, full disks, deadlocks: worth another try; nothing is wrong with the data. */
  get retryable(): boolean {
    return this.sqlstate === undefined || /^(08|40|53|55|57|58)/.test(this.sqlstate);
  }
}

/** The database's own error behind what a query builder has made of it; undefined where there is none. */
export function databaseErrorIn(error: unknown): DatabaseError | undefined {
  if (error instanceof DatabaseError) return error;
  return error instanceof Error ? databaseErrorIn(error.cause) : undefined;
}
