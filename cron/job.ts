import type { RetryPolicy } from "@/domain/crawlers/retry_policy.ts";
import type { Progress } from "@/domain/ports/progress.ts";

/**
 * A source of the supervisor: work that it starts by itself, tries again and records. Safe to run
 * twice and to stop halfway.
 */
export interface Job {
  /** Letters, digits and hyphens: also the name in `deno task job <name>`, in the API and in the logs. */
  readonly name: string;
  /** Five fields of cron, in the installation's time zone or in its own. */
  readonly schedule: string;
  readonly timeZone?: string | undefined;
  /** Runs when the service starts, too, instead of waiting for its next time. */
  readonly atStart?: boolean | undefined;
  /** Whether a time of the schedule (epoch ms) counts: not on a day without trading. */
  readonly isDue?: ((at: number) => boolean) | undefined;
  /** Whether it has something to do before its next time: then it runs at the next look. */
  readonly isWanted?: (() => boolean) | undefined;
  /** Whom its circuit breaker is for; its own name otherwise. */
  readonly venue?: string | undefined;
  /** It keeps away from venues that fail by itself: none of its own is in its way. */
  readonly ownBreakers?: boolean | undefined;
  /** Sources of one group take turns. */
  readonly group?: string | undefined;
  /** Settings that it lacks: then it never runs. */
  readonly missing?: readonly string[] | undefined;
  /** Where it differs from the supervisor's. */
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Longest attempt; null for work that shows by its progress that it goes on. */
  readonly timeoutMs?: number | null | undefined;
  /** One attempt: throws what failed. After an abort it must store nothing more. */
  run(context: JobRun): Promise<JobReport>;
}

export interface JobContext {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface JobRun extends JobContext {
  readonly runId: string;
  /** The time that it stands for: of the schedule, or when somebody started it; epoch ms. */
  readonly at: number;
  /**
   * Hears of rows as they are stored, by work that stores each of them once: they count whatever
   * becomes of the attempt, those of several attempts together.
   */
  readonly stored?: ((rows: number) => void) | undefined;
}

/** Counts for the log line and the job's status; `rows` and `bytes` are those of the run. */
export type JobReport = Readonly<Record<string, unknown>>;
