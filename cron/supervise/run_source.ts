import type { EndedAttempt } from "@/domain/crawler_run.ts";
import { Refusal } from "@/domain/decider.ts";
import { retryDelayMs } from "@/domain/crawlers/retry_policy.ts";
import type { StoredParts } from "@/domain/ports/source_error.ts";
import { beatUntil } from "../beats.ts";
import { failureFields } from "../error_message.ts";
import type { JobContext, JobReport, JobRun } from "../job.ts";
import { createAttemptRecords } from "./attempt_records.ts";
import { recordRun } from "./record_run.ts";
import { type AttemptOutcome, runAttempt } from "./run_attempt.ts";
import { LeaseLost, type OwnRun, type SupervisorDeps } from "./supervisor_deps.ts";

/**
 * The attempts of a run that was recorded as started, until its end is recorded. Answers the report
 * of the one that succeeded, else throws what the run failed with.
 */
export async function runSource(
  deps: SupervisorDeps,
  run: OwnRun,
  context: JobContext,
): Promise<JobReport> {
  const heart = new AbortController();
  const life = AbortSignal.any([context.signal, heart.signal]);
  const stopped = new AbortController();
  const records = createAttemptRecords(deps, {
    ...{ run, signal: life },
    onRefused: (error) => heart.abort(error),
  });
  const beating = beat(deps, run, { heart, until: stopped.signal });
  let stored: StoredParts | undefined;
  let storedRows: number | undefined;
  const work: JobContext & Pick<JobRun, "stored"> = {
    ...{ ...context, signal: life },
    stored: (rows) => storedRows = (storedRows ?? 0) + rows,
  };
  try {
    for (let attempt = 1;; attempt++) {
      const startedAt = deps.clock.now();
      const outcome = await runAttempt(deps, run, work);
      if (outcome.status !== "succeeded") stored = outcome.stored ?? stored;
      const ended = endOf(deps, run, { attempt, startedAt, outcome, stored, storedRows });
      await records.note(ended);
      if (outcome.status === "succeeded") return outcome.report;
      if (ended.outcome.status === "succeeded" || ended.outcome.retryAt === null) {
        throw new RunFailed(outcome);
      }
      await deps.clock.sleep(ended.outcome.retryAt - deps.clock.now(), life);
    }
  } catch (error) {
    if (life.aborted) await records.settled();
    if (context.signal.aborted) await recordStop(deps, run);
    throw heart.signal.aborted ? heart.signal.reason : error;
  } finally {
    stopped.abort();
    await beating;
  }
}

/** What a run ended with; its message is the last attempt's. */
export class RunFailed extends Refusal {
  constructor({ failure }: Exclude<AttemptOutcome, { status: "succeeded" }>) {
    super("unavailable", `${failure.errorClass}: ${failure.message}`);
  }
}

interface Try {
  readonly attempt: number;
  readonly startedAt: number;
  readonly outcome: AttemptOutcome;
  /** By this attempt or one before it that failed. */
  readonly stored: StoredParts | undefined;
  /** By all attempts, as they told it on the way. */
  readonly storedRows: number | undefined;
}

function endOf(
  { clock, random }: SupervisorDeps,
  { runId, policy }: OwnRun,
  { attempt, startedAt, outcome, stored, storedRows }: Try,
): EndedAttempt {
  const finishedAt = clock.now();
  const times = { runId, attempt, startedAt, finishedAt };
  if (outcome.status === "succeeded") {
    const { rows, bytes } = outcome.report;
    const counts = { rows: countOf(storedRows ?? rows), bytes: countOf(bytes) };
    return { ...times, outcome: { status: "succeeded", ...counts } };
  }
  const { status, failure, response } = outcome;
  const delayMs = retryDelayMs(policy, { attempt, failure }, random());
  return {
    ...times,
    outcome: {
      ...{ status, errorClass: failure.errorClass, errorMessage: sentence(failure.message) },
      ...{ httpStatus: failure.httpStatus, response },
      ...{ rows: storedRows ?? stored?.rows ?? null, bytes: stored?.bytes ?? null },
      retryAt: delayMs === undefined ? null : finishedAt + delayMs,
    },
  };
}

/** A site's words may be among it: the log takes no text with a NUL, and nobody reads a page of it. */
function sentence(message: string): string {
  const line = message.replaceAll(/\p{Cc}+/gu, " ");
  return (line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line)
    .toWellFormed();
}

const LONGEST_MESSAGE = 2_000;

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** An orderly stop: the run is made up for at the next start. Without a database its lease runs out. */
export async function recordStop(
  deps: SupervisorDeps,
  { runId, actor }: Pick<OwnRun, "runId" | "actor">,
): Promise<void> {
  const data = { runId, at: deps.clock.now(), leaseUntil: null, stopped: true };
  await recordRun(deps, { type: "CloseCrashed", data }, actor).catch((error: unknown) =>
    deps.log.warn("cannot record that a run was stopped", failureFields(error))
  );
}

/** Shows that the run goes on, and ends it when another instance has taken it for dead. */
async function beat(
  { leases, clock, log }: SupervisorDeps,
  { source: { name: source }, runId }: OwnRun,
  { heart, until }: { readonly heart: AbortController; readonly until: AbortSignal },
): Promise<void> {
  const isLost = await beatUntil(
    until,
    clock,
    () =>
      leases.beat({ source, runId }).catch((error: unknown) => {
        log.warn("cannot show that a run goes on", failureFields(error));
        return undefined;
      }),
  );
  if (isLost) heart.abort(new LeaseLost(runId));
}
