import type { CrawlerRun } from "@/domain/crawler_run.ts";
import { isRunAgain } from "@/domain/crawlers/retry_policy.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { Job } from "../job.ts";
import type { LostLease } from "../leases.ts";
import type { WantedRun } from "./begin_run.ts";
import { readRun, recordRun } from "./record_run.ts";
import type { RunStanding } from "./start_due.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

const ACTOR = "job:supervisor";

/**
 * Closes the run of a process that is gone. Answers the run that is to take its place, which has the
 * lease already; undefined, and the source free, when it had ended, crashed too often or is
 * `unwanted` now. One that is wanted later keeps the lease, for the next look to find. Whatever dies in between is found again: the lease goes over first, which fences
 * off whoever is late, and says whose place its run takes until that is recorded.
 */
export async function recoverRun(
  deps: SupervisorDeps,
  lost: LostLease,
  standing: (source: Job) => Promise<RunStanding>,
): Promise<WantedRun | undefined> {
  const { sources, leases, retry } = deps;
  const runId = await crashedRun(deps, lost);
  const again = { runId: uuidV5(runId, "after crash"), retryOf: runId };
  if (!await leases.pass(lost, { runId: again.runId, replaces: runId })) return undefined;
  const state = await closed(deps, runId, lost.until);
  const source = sources.find(({ name }) => name === lost.source);
  const run = state.status === "absent" ? null : state.run;
  const ended = state.status === "ended" ? state.final : undefined;
  // A stop in order is no crash of what ran.
  const isStop = ended?.type === "CrawlerCrashed" && ended.data.stopped;
  const crashes = (run?.crashes ?? 0) + (isStop ? 0 : 1);
  const heir = { source: lost.source, runId: again.runId };
  if (
    source === undefined || run === null || ended?.type !== "CrawlerCrashed" ||
    !isRunAgain({ ...retry, ...source.retry }, crashes)
  ) {
    await leases.release(heir);
    return undefined;
  }
  const now = await standing(source);
  if (now !== "wanted") {
    await (now === "later" ? leases.abandon(heir) : leases.release(heir));
    return undefined;
  }
  const { scheduledFor } = run;
  return { ...again, crashes, source, actor: ACTOR, trigger: "after_crash", scheduledFor };
}

/** The lease's own run, or the one whose place it was to take when it never got as far as its start. */
async function crashedRun(deps: SupervisorDeps, { runId, replaces }: LostLease): Promise<string> {
  const isBegun = replaces === null || (await readRun(deps, runId)).status !== "absent";
  return isBegun ? runId : replaces;
}

/** The run as it has ended: as crashed now, where it had not before. */
async function closed(
  deps: SupervisorDeps,
  runId: string,
  leaseUntil: number | null,
): Promise<CrawlerRun> {
  const state = await readRun(deps, runId);
  if (state.status !== "running") return state;
  // The database's clock has decided, and ours may be behind it.
  const at = Math.max(deps.clock.now(), leaseUntil ?? 0);
  const data = { runId, at, leaseUntil, stopped: false };
  const events = await recordRun(deps, { type: "CloseCrashed", data }, ACTOR);
  events.forEach((event) => deps.onEnded?.(event));
  return await readRun(deps, runId);
}
