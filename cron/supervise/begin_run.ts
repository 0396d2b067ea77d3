import { Refusal } from "@/domain/decider.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { databaseErrorIn } from "@/events/store/database.ts";
import { RunStopped } from "@/domain/ports/jobs.ts";
import { failureFields } from "../error_message.ts";
import type { Job, JobContext, JobReport } from "../job.ts";
import type { Holder } from "../leases.ts";
import { recordRun } from "./record_run.ts";
import { recordStop, RunFailed, runSource } from "./run_source.ts";
import { LeaseLost, type OwnRun, type SupervisorDeps } from "./supervisor_deps.ts";

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
  /** Of a run that cannot go on because the service stops: the next start makes up for it. */
  giveUp(): Promise<void>;
}

/**
 * Takes the source and records the start. Refusal `conflict` while somebody has it, and when this
 * very run was started before.
 */
export async function beginRun(
  deps: SupervisorDeps,
  wanted: WantedRun,
  hasLease = false,
): Promise<BegunRun> {
  const { leases, clock, log } = deps;
  const { source, runId, actor, ...facts } = wanted;
  const { name } = source;
  const lease = { source: name, runId, group: source.group };
  if (!hasLease && !await leases.take(lease)) throw busy(name, await leases.holder(source));
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
    // Perhaps it was recorded and only the answer is lost: then its lease runs out, and it is closed.
    if (databaseErrorIn(error) === undefined) await release();
    throw error;
  }
  const run: OwnRun = { source, runId, at: facts.scheduledFor ?? startedAt, actor, policy };
  return {
    runId,
    async finish(context) {
      try {
        const report = await runSource(deps, run, context);
        await release();
        return report;
      } catch (error) {
        // With the service stopped, or an end that could not be recorded: the next look sees to it.
        if (isServiceStop(context.signal) || !isRecordedEnd(error)) {
          await leases.abandon(lease).catch(() => {});
        } else await release();
        throw error;
      }
    },
    async giveUp() {
      await recordStop(deps, run);
      if (facts.trigger === "manual") await release();
      else await leases.abandon(lease).catch(() => {});
    },
  };
}

/** Stopped by a person, a run is not made up for. */
function isServiceStop({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof RunStopped);
}

function isRecordedEnd(error: unknown): boolean {
  return error instanceof RunFailed || error instanceof LeaseLost || error instanceof RunStopped;
}

/** Refusal of a source that runs, or whose group does. */
export function busy(name: string, holder: Omit<Holder, "isSilent"> | undefined): Refusal {
  const { source = name, runId } = holder ?? {};
  const reason = source === name ? "it is running" : `${source} is running, they take turns`;
  return new Refusal("conflict", `Cannot run ${name}: ${reason}`, {
    details: runId === undefined ? [] : [{ field: "run_id", message: runId }],
  });
}
