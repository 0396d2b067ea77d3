import type { Clock } from "@/domain/ports/clock.ts";
import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { BEAT_MS, SILENT } from "./beats.ts";

/** Who runs what, settled in the database: of several instances one runs a source. Table `crawler_lease`. */
export interface Leases {
  /** False while somebody has the source, or another one of its group. */
  take(lease: Lease): Promise<boolean>;
  /** Shows that the run goes on; false when it was given up for dead meanwhile. */
  beat(lease: LeaseKey): Promise<boolean>;
  release(lease: LeaseKey): Promise<void>;
  /** Leaves it for whoever looks next, as if its process were gone: the run is to be made up for. */
  abandon(lease: LeaseKey): Promise<void>;
  /**
   * Gives a lost one to the run in its place, before that is recorded anywhere; false when somebody
   * else was first, or it was heard of again.
   */
  pass(
    lost: LostLease,
    heir: { readonly runId: string; readonly replaces: string },
  ): Promise<boolean>;
  /** What is in a source's way: its own run, or one of its group. */
  holder(
    source: { readonly name: string; readonly group?: string | undefined },
  ): Promise<Holder | undefined>;
  /**
   * Leases of processes that are no more. At the start those are all of an embedded database, which
   * belongs to this process alone; else what was abandoned, and what this process has twice found
   * equally silent, some beats apart: after an outage everybody was silent, and is heard of first.
   * None of `mine` is among them.
   */
  lost(mine: ReadonlySet<string>, isStart: boolean): Promise<readonly LostLease[]>;
}

export interface LeaseKey {
  readonly source: string;
  readonly runId: string;
}

export interface Lease extends LeaseKey {
  /** Of its members one runs at a time. */
  readonly group?: string | undefined;
}

export interface Holder extends LeaseKey {
  /** Nobody has heard of it for so long that it may be lost. */
  readonly isSilent: boolean;
}

export interface LostLease extends LeaseKey {
  /** When it ran out, epoch ms; null when its process is known to be gone. */
  readonly until: number | null;
  /** The run in whose place this one was to start; null of any other. */
  readonly replaces: string | null;
  /** When it was heard of last, as the database has it. */
  readonly beatAt: string;
}

/** Who has not beaten between two looks so far apart is gone. */
export const LOOK_AGAIN_MS = 2 * BEAT_MS;

interface Row {
  readonly source: string;
  readonly run_id: string;
  readonly replaces: string | null;
  readonly until: Date | null;
  readonly beat: string;
}

/** The database's clock decides who is silent, as those of several machines differ; ours only waits. */
export function createLeases(database: Database, clock: Pick<Clock, "now">): Leases {
  const key = ({ source, runId }: LeaseKey) => [source, runId] as const;
  /** Run → since when it is as silent as it is now. */
  let silent = new Map<string, { readonly beat: string; readonly since: number }>();

  /** Whether it was as silent at an earlier look. */
  function isSure({ run_id, beat, until }: Row, before: typeof silent): boolean {
    const now = clock.now();
    const known = before.get(run_id);
    const since = known?.beat === beat ? Math.min(known.since, now) : now;
    silent.set(run_id, { beat, since });
    return until === null || now - since >= LOOK_AGAIN_MS;
  }

  return {
    async take(lease) {
      const rows = await database.query(
        `insert into crawler_lease (source, run_id, turns) values ($1, $2, $3)
          on conflict do nothing returning source`,
        [...key(lease), lease.group ?? null],
      );
      return rows.length > 0;
    },
    async beat(lease) {
      const rows = await database.query(
        `update crawler_lease set beat_at = now() where source = $1 and run_id = $2
          returning source`,
        key(lease),
      );
      return rows.length > 0;
    },
    async release(lease) {
      await database.query(
        "delete from crawler_lease where source = $1 and run_id = $2",
        key(lease),
      );
    },
    async abandon(lease) {
      await database.query(
        "update crawler_lease set beat_at = '-infinity' where source = $1 and run_id = $2",
        key(lease),
      );
    },
    async pass(lost, { runId, replaces }) {
      const rows = await database.query(
        `update crawler_lease set run_id = $3, replaces = $4, beat_at = now()
          where source = $1 and run_id = $2 and beat_at = $5::timestamptz returning source`,
        [...key(lost), runId, replaces, lost.beatAt],
      );
      return rows.length > 0;
    },
    async holder({ name, group = null }) {
      const [row] = await database.query(
        `select source, run_id, beat_at < now() - ${SILENT} as silent from crawler_lease
          where source = $1 or turns = $2 order by source <> $1 limit 1`,
        [name, group],
      );
      if (row === undefined) return undefined;
      const held = trusted<{ source: string; run_id: string; silent: boolean }>(row);
      return { source: held.source, runId: held.run_id, isSilent: held.silent };
    },
    async lost(mine, isStart) {
      const isAlone = isStart && database.engine === "pglite";
      const rows = trusted<Row[]>(
        await database.query(
          `select source, run_id, replaces, beat_at::text as beat,
              nullif(beat_at, '-infinity') + ${SILENT} as until
            from crawler_lease
            where ${isAlone ? "true" : `beat_at < now() - ${SILENT}`} order by beat_at`,
        ),
      );
      const before = silent;
      silent = new Map();
      return rows.filter(({ run_id }) => !mine.has(run_id))
        .filter((row) => isSure(row, before) || isAlone)
        .map(({ source, run_id, replaces, until, beat }) => ({
          ...{ source, runId: run_id, replaces, beatAt: beat },
          until: isAlone ? null : until?.getTime() ?? null,
        }));
    },
  };
}
