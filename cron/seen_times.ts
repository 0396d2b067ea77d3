import type { Database } from "@/events/store/database.ts";

/** Which times of the schedules are dealt with, by whichever instance: what is missing was missed. */
export interface SeenTimes {
  /**
   * The newest that was run, skipped or passed over, epoch ms. One that lies ahead of `now` was marked
   * by a clock that was wrong: it counts as just before now, lest the job never run again.
   */
  latest(job: string, now: number): Promise<number | undefined>;
  mark(job: string, at: number): Promise<void>;
}

/** Clocks of several machines differ by less. */
export const AHEAD_MS = 300_000;

/** Table `job_seen`, a row a job. */
export function createSeenTimes(database: Database): SeenTimes {
  return {
    async latest(job, now) {
      const [row] = await database.query("select seen_at as at from job_seen where job = $1", [
        job,
      ]);
      if (!(row?.at instanceof Date)) return undefined;
      const at = row.at.getTime();
      if (at <= now + AHEAD_MS) return at;
      const before = now - AHEAD_MS;
      await database.query("update job_seen set seen_at = $2 where job = $1", [
        ...[job, new Date(before)],
      ]);
      return before;
    },
    async mark(job, at) {
      await database.query(
        `insert into job_seen (job, seen_at) values ($1, $2)
          on conflict (job) do update set seen_at = greatest(job_seen.seen_at, excluded.seen_at)`,
        [job, new Date(at)],
      );
    },
  };
}
