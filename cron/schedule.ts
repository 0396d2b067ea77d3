import type { Clock } from "@/domain/ports/clock.ts";
import type { Jobs } from "@/domain/ports/jobs.ts";
import type { Log } from "@/domain/ports/log.ts";
import { BEAT_MS, type ClaimOutcome, type Claims, type Occurrence } from "./claims.ts";
import { type CronTimes, parseCron } from "./cron_text.ts";
import { failureFields, messageOf } from "./error_message.ts";
import type { Job, JobContext, JobReport } from "./job.ts";
import { latestOccurrence, nextOccurrence } from "./occurrences.ts";

export interface SchedulerOptions {
  readonly jobs: readonly Job[];
  /** Runs them and shows where they stand. */
  readonly runs: Jobs;
  readonly claims: Claims;
  readonly clock: Clock;
  readonly log: Log;
  /** IANA name, e.g. `Asia/Shanghai`. */
  readonly timeZone: string;
}

export interface Scheduler {
  /** Starts what is due and returns at once. To be called every minute, and at the start. */
  tick(): Promise<void>;
  /** When a job is due next, epoch ms. */
  nextAt(job: string): number | undefined;
}

interface Planned {
  readonly job: Job;
  readonly times: CronTimes;
  /** Newest occurrence that is known to be dealt with; undefined at the start. */
  seen: number | undefined;
}

const SWEEP_EVERY_MS = 24 * 3_600_000;

/**
 * Runs each job at its times, once among all instances. What was missed while nobody ran is made up
 * for once; a job that still runs is left alone until it has ended. Throws at once for a schedule or
 * a time zone that cannot be read.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { claims, clock, log, timeZone } = options;
  const planned = options.jobs.map((job): Planned => {
    const times = parseCron(job.schedule);
    nextOccurrence(times, clock.now(), timeZone);
    return { job, times, seen: undefined };
  });
  const running = new Set<string>();
  let sweptAt = -Infinity;
  let ticking: Promise<void> | undefined;

  async function startDue(): Promise<void> {
    if (clock.now() - sweptAt >= SWEEP_EVERY_MS) {
      await claims.sweep();
      sweptAt = clock.now();
    }
    for (const plan of planned) {
      try {
        await startIfDue(options, plan, running);
      } catch (error) {
        log.error("cannot start job", { job: plan.job.name, ...failureFields(error) });
      }
    }
  }

  return {
    tick() {
      ticking ??= startDue()
        .catch((error: unknown) => log.error("cannot look for due jobs", failureFields(error)))
        .finally(() => ticking = undefined);
      return ticking;
    },
    nextAt(name) {
      const plan = planned.find(({ job }) => job.name === name);
      return plan && nextOccurrence(plan.times, clock.now(), timeZone);
    },
  };
}

async function startIfDue(
  options: SchedulerOptions,
  plan: Planned,
  running: Set<string>,
): Promise<void> {
  const { claims, clock, timeZone, runs } = options;
  const { job, times } = plan;
  const starting = plan.seen === undefined;
  const at = starting && job.atStart === true
    ? clock.now()
    : latestOccurrence(times, clock.now(), timeZone);
  if (at === undefined || at <= (plan.seen ?? -Infinity) || running.has(job.name)) return;
  const occurrence = { job: job.name, at };
  const latest = await claims.latest(job.name);
  plan.seen = latest ?? -Infinity;
  if (latest !== undefined && at <= latest) return;
  // A new installation owes nothing for the time before it.
  if (latest === undefined && job.atStart !== true) return await claims.passOver(occurrence);
  if (!await claims.claim(occurrence)) return;
  plan.seen = at;
  running.add(job.name);
  try {
    runs.start({
      ...{ name: job.name, key: `job:${job.name}` },
      run: (context) =>
        claimed(options, { job, occurrence, context }).finally(() => running.delete(job.name)),
    });
  } catch (error) {
    // The same job was started by hand, or the service is stopping.
    running.delete(job.name);
    await claims.finish(occurrence, { status: "failed", error: messageOf(error) });
  }
}

async function claimed(
  { claims, clock, log }: SchedulerOptions,
  { job, occurrence, context }: { job: Job; occurrence: Occurrence; context: JobContext },
): Promise<JobReport> {
  const heart = new AbortController();
  const beating = beat({ claims, clock, log }, { occurrence, signal: heart.signal });
  let outcome: ClaimOutcome = { status: "stopped" };
  try {
    const result = await job.run(context);
    outcome = { status: "succeeded", result };
    return result;
  } catch (error) {
    if (!context.signal.aborted) outcome = { status: "failed", error: messageOf(error) };
    throw error;
  } finally {
    heart.abort();
    await beating;
    await claims.finish(occurrence, outcome)
      .catch((error: unknown) => log.warn("cannot record the end of a job", failureFields(error)));
  }
}

async function beat(
  { claims, clock, log }: Pick<SchedulerOptions, "claims" | "clock" | "log">,
  { occurrence, signal }: { occurrence: Occurrence; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(BEAT_MS, signal).catch(() => {});
    if (signal.aborted) return;
    await claims.beat(occurrence)
      .catch((error: unknown) => log.warn("cannot show that a job runs", failureFields(error)));
  }
}
