import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";

/** Who runs what, settled in the database: of several instances one runs a source. Table `crawler_lease`. */
export interface Leases {
  /** False while somebody has it. */
  take(lease: Lease): Promise<boolean>;
  /** Shows that the run goes on; false when it was given up for dead meanwhile. */
  beat(lease: Lease): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  /** Leaves it for whoever looks next, as if its process were gone: the run is to be made up for. */
  abandon(lease: Lease): Promise<void>;
  /** Gives a lost one to another run; false when somebody else was first. */
  pass(lost: Lease, runId: string): Promise<boolean>;
  /** The run that has the source. */
  holder(source: string): Promise<string | undefined>;
  /**
   * Leases of processes that are no more. At the start those are all of an embedded database, which
   * belongs to this process alone; else those that have been silent, and are not among `mine`.
   */
  lost(mine: ReadonlySet<string>, isStart: boolean): Promise<readonly LostLease[]>;
}

export interface Lease {
  readonly source: string;
  readonly runId: string;
}

export interface LostLease extends Lease {
  /** When it ran out, epoch ms; null when its process is known to be gone. */
  readonly until: number | null;
}

/** How often a run shows that it goes on, and after how long a silent one counts as crashed. */
export const BEAT_MS = 15_000;
const SILENT = "interval '45 seconds'";

/** The database's clock decides: those of several machines differ. */
export function createLeases(database: Database): Leases {
  const key = ({ source, runId }: Lease) => [source, runId] as const;
  return {
    async take(lease) {
      const rows = await database.query(
        `insert into crawler_lease (source, run_id) values ($1, $2)
          on conflict (source) do nothing returning source`,
        key(lease),
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
    async pass({ source, runId: old }, runId) {
      const rows = await database.query(
        `update crawler_lease set run_id = $3, beat_at = now() where source = $1 and run_id = $2
          returning source`,
        [source, old, runId],
      );
      return rows.length > 0;
    },
    async holder(source) {
      const [row] = await database.query(
        "select run_id from crawler_lease where source = $1",
        [source],
      );
      return row && trusted<{ run_id: string }>(row).run_id;
    },
    async lost(mine, isStart) {
      const isAlone = isStart && database.engine === "pglite";
      const rows = trusted<{ source: string; run_id: string; until: Date | null }[]>(
        await database.query(
          `select source, run_id, nullif(beat_at, '-infinity') + ${SILENT} as until
            from crawler_lease
            where ${isAlone ? "true" : `beat_at < now() - ${SILENT}`} order by beat_at`,
        ),
      );
      return rows.filter(({ run_id }) => !mine.has(run_id)).map(({ source, run_id, until }) => ({
        ...{ source, runId: run_id, until: isAlone ? null : until?.getTime() ?? null },
      }));
    },
  };
}
