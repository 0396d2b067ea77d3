import type { PgTable } from "drizzle-orm/pg-core";
import type { Recorded, StoredEvent } from "@/events/define.ts";
import type { SqlRow, Statement } from "@/events/store/database.ts";

/**
 * A read model whose rows are folds of events: handlers know no SQL, no clock and no other row.
 * `table` is a drizzle table named `<name>_v<version>`: the view that queries read. The runner makes
 * the two sides `…_a` and `…_b` from its columns, primary key and indexes. Rows must hold values as
 * the table returns them: a number with more decimals than its column would not be read back.
 * Raise `version` to fill new tables beside the old ones.
 */
export interface RowProjection<E extends StoredEvent = StoredEvent, Row = unknown> {
  readonly kind: "rows";
  readonly name: string;
  readonly version: number;
  readonly table: PgTable;
  readonly views?: readonly PeopleView[];
  /** Keys (values of the single text primary key) of every row the event touches. */
  readonly keys: (event: Recorded<E>) => readonly string[];
  /** Each row comes from one stream alone, so the first event of a stream finds none: it is not looked for. */
  readonly oneStream?: true;
  /** Returns the row as it is after the event, or `undefined` where there is none any more. */
  readonly on: {
    readonly [T in E["type"]]?: (
      row: Row | undefined,
      event: Recorded<Extract<E, { type: T }>>,
      key: string,
    ) => Row | undefined;
  };
}

/**
 * A read model whose events touch more rows than they can list. It writes its own idempotent
 * statements; each is guarded by `guard`, so that an instance that fell behind writes nothing.
 */
export interface BulkProjection {
  readonly kind: "bulk";
  readonly name: string;
  readonly version: number;
  readonly table: PgTable;
  readonly types: readonly string[];
  readonly views?: readonly PeopleView[];
  /** Rows that an event writes, where they are many: batches are cut by their sum. */
  readonly weight?: (event: Recorded) => number;
  /** Projections whose rows must not be seen before these are. */
  readonly together?: readonly string[];
  /** Runs the statements of a batch through `run`, oldest event first. */
  apply(events: readonly Recorded[], context: BulkContext): Promise<void>;
}

/** A SQL view for people's queries, beside the one that ours read. Published once the rows are there. */
export interface PeopleView {
  readonly name: string;
  /** Its select, given the quoted name of the projection's own view. */
  readonly sql: (view: string) => string;
}

export interface BulkContext {
  /** The side's table to write. */
  readonly table: string;
  readonly engine: "pglite" | "postgres";
  /**
   * SQL condition that holds while this instance still leads from its position (it locks the
   * checkpoint row until the statement ends), for the WHERE of every write. Its own parameters come
   * after the statement's, whose number it is given; `run` adds them.
   */
  readonly guard: (params: number) => string;
  /** Answers what the statement returns. */
  run(statement: Statement): Promise<readonly SqlRow[]>;
}

export type Projection = RowProjection<never, never> | BulkProjection;

export interface ProjectionStatus {
  readonly name: string;
  readonly version: number;
  readonly status: "live" | "behind" | "rebuilding" | "failed";
  readonly position: number;
  /** Events behind the log's head. */
  readonly lag: number;
  /** 0…1 while rebuilding. */
  readonly progress: number | undefined;
  readonly lastError: string | undefined;
}

/** What the rest of the house asks of the follower. */
export interface Projections {
  /**
   * Helps the read models along and waits until they passed `position`; only the named ones, if any
   * are named. False after the timeout, or as soon as none is missing but those that stopped.
   * Throws RangeError for a name that is none.
   */
  waitFor(position: number, timeoutMs?: number, names?: readonly string[]): Promise<boolean>;
  status(): Promise<readonly ProjectionStatus[]>;
  /** Everything that follows has once caught up with the head seen at start. */
  ready(): boolean;
  /** Changes whenever a read may answer differently, by whoever moved the rows. */
  revision(): number;
  /** Tells which events the rows now show; undefined when another instance moved them on. */
  onApplied(listener: (events: readonly Recorded[] | undefined) => void): void;
}
