import { Refusal } from "@/domain/decider.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { failureFields } from "../error_message.ts";
import type { Job, JobContext, JobReport } from "../job.ts";
import { recordRun } from "./record_run.ts";
import { runSource } from "./run_source.ts";
import type { OwnRun, SupervisorDeps } from "./supervisor_deps.ts";

type Started = Extract<CrawlerRunEvent, { type: "CrawlerRunStarted" }>["data"];

export interface WantedRun
  extends Pick<Started, "trigger" | "scheduledFor" | "retryOf" | "crashes"> {
  readonly source: Job;
  readonly runId: string;
  readonly actor: string;
}

/** A run that has its lease and is recorded as started. */
export interface BegunRun {
  readonly runId: string;
  /** Goes through its attempts; afterwards the source is free. */
  finish(context: JobContext): Promise<JobReport>;
}

/**
 * Takes the source and records the start. Refusal `conflict` while somebody has it, and when this
 * very run was started before.
 */
export async function beginRun(deps: SupervisorDeps, wanted: WantedRun): Promise<BegunRun> {
  const { leases, clock, log } = deps;
  const { source, runId, actor, ...facts } = wanted;
  const { name } = source;
  const lease = { source: name, runId };
  if (!await leases.take(lease)) throw busy(name, await leases.holder(name));
  const release = () =>
    leases.release(lease).catch((error: unknown) =>
      log.warn("cannot free a source", { source: name, ...failureFields(error) })
    );
  const policy = { ...deps.retry, ...source.retry };
  const startedAt = clock.now();
  try {
    const data = {
      ...{ runId, source: name, venue: source.venue ?? name, ...facts, startedAt },
      maxAttempts: policy.maxAttempts,
    };
    await recordRun(deps, { type: "StartRun", data }, actor);
  } catch (error) {
    await release();
    throw error;
  }
  const run: OwnRun = { source, runId, at: facts.scheduledFor ?? startedAt, actor, policy };
  return {
    runId,
    async finish(context) {
      try {
        return await runSource(deps, run, context);
      } catch (error) {
        // Stopped with the service, it is made up for at the next start.
        if (context.signal.aborted) await leases.abandon(lease).catch(() => {});
        throw error;
      } finally {
        if (!context.signal.aborted) await release();
      }
    },
  };
}

export function busy(name: string, runId: string | undefined): Refusal {
  return new Refusal("conflict", `Cannot run ${name}: it is running`, {
    details: runId === undefined ? [] : [{ field: "run_id", message: runId }],
  });
}
