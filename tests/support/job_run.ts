import type { JobContext, JobRun } from "@/cron/job.ts";
import { silentProgress } from "@/domain/ports/progress.ts";

/** An attempt of a source without a supervisor. */
export function jobRun(context: Partial<JobContext> & Pick<JobRun, "stored"> = {}): JobRun {
  const { signal = new AbortController().signal, progress = silentProgress, stored } = context;
  return { signal, progress, stored, runId: crypto.randomUUID(), at: Date.now() };
}
