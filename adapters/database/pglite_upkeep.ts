import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { Log } from "@/domain/ports/log.ts";

/** What PostgreSQL's own background processes would do, and PGlite has none. */
export interface Upkeep {
  /** Looks once; answers what it did. */
  look(nowMs: number): Promise<readonly string[]>;
}

const MAX_WAL_BYTES = 64 * 1024 * 1024;
const CHECKPOINT_EVERY_MS = 5 * 60_000;
/** A page of log is not worth a checkpoint. */
const MIN_WAL_BYTES = 64 * 1024;

/**
 * A checkpoint every five minutes or 64 MB of log (without one, recovery after a crash took 13 s for
 * 1.6 GB), and a vacuum where autovacuum's own thresholds say so (without one, tables bloat and the
 * planner reads a month to find a thousand candles).
 */
export function createUpkeep(
  { database, log, nowMs }: { database: Database; log?: Log | undefined; nowMs: number },
): Upkeep {
  let checkpointAt = nowMs;

  async function checkpoint(now: number): Promise<string[]> {
    const [row] = await database.query(
      "select (pg_current_wal_insert_lsn() - redo_lsn)::bigint as bytes from pg_control_checkpoint()",
    );
    const { bytes } = trusted<{ bytes: number }>(row);
    const due = bytes > MIN_WAL_BYTES && now - checkpointAt >= CHECKPOINT_EVERY_MS;
    if (bytes < MAX_WAL_BYTES && !due) return [];
    await database.query("checkpoint");
    checkpointAt = now;
    return ["checkpoint"];
  }

  async function vacuum(): Promise<string[]> {
    const rows = await database.query(STALE_TABLES);
    const names = rows.map((row) => trusted<{ name: string }>(row).name);
    for (const name of names) await database.query(`vacuum (analyze) ${name}`);
    // The counts of this session reach the view only when they are flushed.
    await database.query("select pg_stat_force_next_flush()");
    return names.map((name) => `vacuum ${name}`);
  }

  return {
    async look(now) {
      const done = [...await checkpoint(now), ...await vacuum()];
      if (done.length > 0) log?.debug("database upkeep", { done });
      return done;
    },
  };
}

/** The defaults of autovacuum_vacuum_… and autovacuum_analyze_…. */
const STALE_TABLES = `
  select format('%I', relname) as name from pg_stat_user_tables
  where n_dead_tup > 50 + 0.2 * n_live_tup
     or n_ins_since_vacuum > 1000 + 0.2 * n_live_tup
     or n_mod_since_analyze > 500 + 0.1 * n_live_tup`;
