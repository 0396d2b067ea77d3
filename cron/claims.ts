import type { Database } from "@/events/store/database.ts";
import type { JobReport } from "./job.ts";

/** One time at which a job was to run, epoch ms. */
export interface Occurrence {
  readonly job: string;
  readonly at: number;
}

export type ClaimOutcome =
  | { readonly status: "succeeded"; readonly result: JobReport }
  | { readonly status: "failed"; readonly error: string }
  | { readonly status: "stopped" };

/** Who runs what, settled in the database: of several instances one runs an occurrence. */
export interface Claims {
  /** Frees what a process that is no more had claimed, and forgets what is long past. */
  sweep(): Promise<void>;
  /** The newest occurrence that anybody has claimed or passed over. */
  latest(job: string): Promise<number | undefined>;
  /** False when another has it, or still runs an earlier one. */
  claim(occurrence: Occurrence): Promise<boolean>;
  /** Marks an occurrence as seen without running it. */
  passOver(occurrence: Occurrence): Promise<void>;
  /** Shows that the run goes on. */
  beat(occurrence: Occurrence): Promise<void>;
  finish(occurrence: Occurrence, outcome: ClaimOutcome): Promise<void>;
}

/** How often a run shows that it goes on, and after how long a silent one counts as crashed. */
export const BEAT_MS = 15_000;
const SILENT = "interval '45 seconds'";
const KEPT = "interval '14 days'";

const BEATEN_AT = "coalesce((result->>'beat_at')::timestamptz, started_at)";
const CRASH = "update job_run set status = 'crashed', finished_at = now(), result = null";

/** Table `job_run`. An embedded database belongs to this process alone: what runs in it has crashed. */
export function createClaims(database: Database): Claims {
  const key = ({ job, at }: Occurrence) => [job, new Date(at)] as const;
  return {
    async sweep() {
      const stale = database.engine === "pglite" ? "true" : `${BEATEN_AT} < now() - ${SILENT}`;
      await database.query(`${CRASH} where status = 'running' and ${stale}`);
      await database.query(
        `delete from job_run old where scheduled_for < now() - ${KEPT} and status <> 'running'
          and scheduled_for < (select max(scheduled_for) from job_run where job = old.job)`,
      );
    },
    async latest(job) {
      const [row] = await database.query(
        "select max(scheduled_for) as at from job_run where job = $1",
        [job],
      );
      return row?.at instanceof Date ? row.at.getTime() : undefined;
    },
    async claim(occurrence) {
      await database.query(
        `${CRASH} where job = $1 and status = 'running' and ${BEATEN_AT} < now() - ${SILENT}`,
        [occurrence.job],
      );
      const rows = await database.query(
        `insert into job_run (job, scheduled_for, status, result)
          select $1, $2, 'running', jsonb_build_object('beat_at', now())
          where not exists (select from job_run where job = $1 and status = 'running')
          on conflict do nothing returning job`,
        key(occurrence),
      );
      return rows.length > 0;
    },
    async passOver(occurrence) {
      await database.query(
        `insert into job_run (job, scheduled_for, finished_at, status)
          values ($1, $2, now(), 'skipped') on conflict do nothing`,
        key(occurrence),
      );
    },
    async beat(occurrence) {
      await database.query(
        `update job_run set result = jsonb_build_object('beat_at', now())
          where job = $1 and scheduled_for = $2 and status = 'running'`,
        key(occurrence),
      );
    },
    async finish(occurrence, outcome) {
      const { status } = outcome;
      await database.query(
        `update job_run set status = $3, finished_at = now(), error = $4, result = $5::jsonb
          where job = $1 and scheduled_for = $2`,
        [
          ...key(occurrence),
          status,
          status === "failed" ? outcome.error : null,
          status === "succeeded" ? JSON.stringify(outcome.result) : null,
        ],
      );
    },
  };
}
