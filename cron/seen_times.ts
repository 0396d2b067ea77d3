import type { Database } from "@/events/store/database.ts";

/** Which times of the schedules are dealt with, by whichever instance: what is missing was missed. */
export interface SeenTimes {
  /** The newest that was run, skipped or passed over, epoch ms. */
  latest(job: string): Promise<number | undefined>;
  mark(job: string, at: number): Promise<void>;
}

/** Table `job_seen`, a row a job. */
export function createSeenTimes(database: Database): SeenTimes {
  return {
    async latest(job) {
      const [row] = await database.query("select seen_at as at from job_seen where job = $1", [
        job,
      ]);
      return row?.at instanceof Date ? row.at.getTime() : undefined;
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
