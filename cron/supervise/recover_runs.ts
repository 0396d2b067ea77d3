import { type CrawlerRun, crawlerRun } from "@/domain/crawler_run.ts";
import { isRunAgain } from "@/domain/crawlers/retry_policy.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { LostLease } from "../leases.ts";
import type { WantedRun } from "./begin_run.ts";
import { recordRun, runStream } from "./record_run.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

const ACTOR = "job:supervisor";

/**
 * Closes the run of a process that is gone and frees its source. Answers the run that is to take its
 * place; undefined when it had ended, or crashed too often.
 */
export async function recoverRun(
  deps: SupervisorDeps,
  lost: LostLease,
): Promise<WantedRun | undefined> {
  const { sources, leases, clock, retry } = deps;
  const { runId, until: leaseUntil } = lost;
  const state = await readRun(deps, runId);
  if (state.status === "running") {
    // The database's clock has decided, and ours may be behind it.
    const at = Math.max(clock.now(), leaseUntil ?? 0);
    const data = { runId, at, leaseUntil, stopped: false };
    const events = await recordRun(deps, { type: "CloseCrashed", data }, ACTOR);
    events.forEach((event) => deps.onEnded?.(event));
  }
  await leases.release(lost);
  const source = sources.find(({ name }) => name === lost.source);
  const run = state.status === "absent" ? null : state.run;
  if (source === undefined || run === null) return undefined;
  if (state.status === "ended" && !wasStopped(state)) return undefined;
  // A stop in order is no crash of what ran.
  const crashes = state.status === "ended" ? run.crashes : run.crashes + 1;
  if (!isRunAgain({ ...retry, ...source.retry }, crashes)) return undefined;
  return {
    ...{ source, actor: ACTOR, trigger: "after_crash", scheduledFor: run.scheduledFor },
    ...{ runId: uuidV5(runId, "after crash"), retryOf: runId, crashes },
  };
}

async function readRun(
  { store }: Pick<SupervisorDeps, "store">,
  runId: string,
): Promise<CrawlerRun> {
  const { events } = await store.readStream<CrawlerRunEvent>(runStream(runId));
  return events.reduce<CrawlerRun>(
    (state, event) => crawlerRun.evolve(state, event),
    crawlerRun.initial,
  );
}

function wasStopped({ final }: Extract<CrawlerRun, { status: "ended" }>): boolean {
  return final.type === "CrawlerCrashed" && final.data.stopped;
}
