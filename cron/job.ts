import type { Progress } from "@/domain/ports/progress.ts";

/** Work the service starts by itself. Safe to run twice and to stop halfway. */
export interface Job {
  /** Letters, digits and hyphens: also the name in `deno task job <name>` and in the logs. */
  readonly name: string;
  /** Five fields of cron, in the installation's time zone. */
  readonly schedule: string;
  /** Runs when the service starts, too, instead of waiting for its next time. */
  readonly atStart?: boolean | undefined;
  run(context: JobContext): Promise<JobReport>;
}

export interface JobContext {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Counts for the one log line, the job's status and the metrics of a run. */
export type JobReport = Readonly<Record<string, unknown>>;
