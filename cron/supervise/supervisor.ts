import { crawler, type CrawlerCommand } from "@/domain/crawler.ts";
import { admits, CLOSED } from "@/domain/crawlers/breaker.ts";
import { Refusal } from "@/domain/decider.ts";
import { handle } from "@/domain/handle.ts";
import type { Crawlers, Doer } from "@/domain/ports/crawlers.ts";
import { RunStopped } from "@/domain/ports/jobs.ts";
import type { Projections } from "@/projections/define.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { failureFields } from "../error_message.ts";
import type { Job, JobContext, JobReport } from "../job.ts";
import { beginRun, busy, type WantedRun } from "./begin_run.ts";
import { type Plan, planOf } from "./plan.ts";
import { recordRun } from "./record_run.ts";
import { recoverRun } from "./recover_runs.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

export interface Supervisor extends Crawlers {
  /** Starts what is due and returns at once. To be called every minute, and at the start. */
  tick(): Promise<void>;
  /** Runs one in this process to its end, for a command. Refusals as `run`. */
  runToEnd(name: string, context: JobContext & { readonly actor: string }): Promise<JobReport>;
}

/** Ids of scheduled runs derive from source and time: of several instances one can start each. */
const NAMESPACE = "5f0d6a4e-9c52-5d0b-8a3e-0b1f7e2c9d44";
const ACTOR = "job:supervisor";
/** What starts later than that was missed. */
const LATE_MS = 120_000;
const VISIBLE_MS = 2_000;

export interface SupervisorOptions extends SupervisorDeps {
  readonly projections: Pick<Projections, "waitFor">;
  /** False starts nothing by itself; what died is closed all the same. */
  readonly isScheduled: boolean;
}

/**
 * Runs each source at its times, once among all instances, with attempts, a limit of time and a
 * recorded end. What was missed while nobody ran is made up for once; a source that still runs is
 * left alone until it has ended. Throws at once for a schedule or a time zone that cannot be read.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { sources, leases, seen, store, queries, jobs, clock, log, projections } = options;
  const plans = sources.map((source) => planOf(source, options.timeZone));
  /** Source → run, of those in this process. */
  const running = new Map<string, string>();
  let isStart = true;
  let ticking: Promise<void> | undefined;

  function planNamed(name: string): Plan {
    const plan = plans.find(({ source }) => source.name === name);
    if (plan !== undefined) return plan;
    const details = plans.map(({ source }) => ({
      field: "name",
      message: `${source.name} is one`,
    }));
    throw new Refusal("not_found", `Cannot find crawler ${name}`, { details });
  }

  function isGroupBusy({ name, group }: Job): boolean {
    return group !== undefined &&
      sources.some((one) => one.group === group && one.name !== name && running.has(one.name));
  }

  /** Starts a run that goes on behind the caller's back. */
  async function start(wanted: WantedRun, hasLease = false): Promise<{ jobId: string }> {
    const { name } = wanted.source;
    if (running.has(name)) throw busy(name, running.get(name));
    running.set(name, wanted.runId);
    const free = () => running.delete(name);
    try {
      const begun = await beginRun(options, wanted, hasLease);
      const { id } = jobs.start({
        ...{ name, key: `job:${name}` },
        run: (context) => begun.finish(context).finally(free),
      });
      return { jobId: id };
    } catch (error) {
      free();
      throw error;
    }
  }

  /** Whether the schedule may start it now. */
  async function isWanted(source: Job): Promise<boolean> {
    if ((source.missing ?? []).length > 0 || running.has(source.name)) return false;
    return await reasonToSkip(source, clock.now()) === undefined;
  }

  async function recover(): Promise<void> {
    const lost = await leases.lost(new Set(running.values()), isStart);
    for (const lease of lost) {
      log.warn("closing the run of a process that is gone", { ...lease });
      try {
        const wanted = await recoverRun(options, lease, isWanted);
        if (wanted !== undefined) await start(wanted, true);
      } catch (error) {
        warnUnlessBusy(lease.source)(error);
      }
    }
    isStart = false;
  }

  const warnUnlessBusy = (source: string) => (error: unknown) => {
    if (!isConflict(error)) log.error("cannot start a source", { source, ...failureFields(error) });
  };

  async function startDue(): Promise<void> {
    await recover();
    if (!options.isScheduled) return;
    // Whoever has waited longest goes first, so that nobody of a group starves.
    const inOrder = plans.toSorted((a, b) => (a.seen ?? -Infinity) - (b.seen ?? -Infinity) || 0);
    for (const plan of inOrder) {
      await startIfDue(plan).catch(warnUnlessBusy(plan.source.name));
    }
  }

  async function startIfDue(plan: Plan): Promise<void> {
    const { source } = plan;
    const { name, atStart = false, missing = [] } = source;
    const now = clock.now();
    const isFirst = plan.seen === undefined;
    const at = isFirst && atStart ? now : plan.latest(now);
    if (at === undefined || at <= (plan.seen ?? -Infinity)) return;
    if (missing.length > 0 || running.has(name) || isGroupBusy(source)) return;
    const latest = await seen.latest(name, now);
    plan.seen = latest ?? -Infinity;
    if (latest !== undefined && at <= latest) return;
    const settle = async () => {
      await seen.mark(name, at);
      plan.seen = at;
    };
    // A new installation owes nothing for the time before it.
    if (latest === undefined && !atStart) return await settle();
    const wanted: WantedRun = {
      ...{ source, actor: ACTOR, runId: uuidV5(NAMESPACE, `${name}/${at}`) },
      trigger: now - at > LATE_MS ? "catch_up" : "schedule",
      scheduledFor: isFirst && atStart ? null : at,
      ...{ retryOf: null, crashes: 0 },
    };
    const reason = await reasonToSkip(source, now);
    if (reason !== undefined) {
      await skip(wanted, { reason, skippedAt: now });
      return await settle();
    }
    try {
      await start(wanted);
    } catch (error) {
      // Whoever has the source is left alone; a run that was started before is dealt with.
      if (!isConflict(error) || await leases.holder(name) !== undefined) throw error;
    }
    await settle();
  }

  async function reasonToSkip({ name, venue = name, ownBreakers = false }: Job, now: number) {
    if ((await queries.paused()).has(name)) return "paused";
    if (ownBreakers) return undefined;
    const breaker = (await queries.breakers()).get(venue) ?? CLOSED;
    return admits(breaker, now) ? undefined : "breaker_open";
  }

  async function skip(
    { source, runId, trigger, scheduledFor, actor }: WantedRun,
    why: { readonly reason: "paused" | "breaker_open"; readonly skippedAt: number },
  ): Promise<void> {
    const { name, venue = name } = source;
    const data = { runId, source: name, venue, trigger, scheduledFor, ...why };
    await recordRun(options, { type: "SkipRun", data }, actor);
  }

  function byHand(name: string, { runId, actor }: { runId: string; actor: string }): WantedRun {
    const { source } = planNamed(name);
    const { missing = [] } = source;
    if (missing.length > 0) {
      throw new Refusal("unavailable", `Cannot run ${name}: ${missing.join(", ")} not set`);
    }
    const facts = { trigger: "manual", scheduledFor: null, retryOf: null, crashes: 0 } as const;
    return { source, runId, actor, ...facts };
  }

  async function decide(command: CrawlerCommand, { actor, commandId }: Doer): Promise<void> {
    planNamed(command.data.source);
    const { position } = await handle({ store }, crawler, {
      ...{ stream: `crawler-${command.data.source}`, command, meta: { actor, commandId } },
    });
    await projections.waitFor(position, VISIBLE_MS);
  }

  return {
    tick() {
      ticking ??= startDue()
        .catch((error: unknown) => log.error("cannot look for due sources", failureFields(error)))
        .finally(() => ticking = undefined);
      return ticking;
    },
    list: () =>
      sources.map(({ name, venue = name, schedule, missing = [], ownBreakers = false }) => ({
        ...{ name, venue, schedule, missing, ownBreakers },
      })),
    nextRunAt: (name) => options.isScheduled ? planNamed(name).next(clock.now()) : undefined,
    async run(name, { actor, commandId }) {
      const { jobId } = await start(byHand(name, { runId: commandId, actor }));
      await projections.waitFor(await store.head(), VISIBLE_MS);
      return { runId: commandId, jobId };
    },
    pause: (source, { reason, ...doer }) =>
      decide({ type: "PauseCrawler", data: { source, reason } }, doer),
    resume: (source, doer) => decide({ type: "ResumeCrawler", data: { source } }, doer),
    async runToEnd(name, { actor, ...context }) {
      const lost = await leases.lost(new Set(running.values()), isStart);
      for (const lease of lost.filter(({ source }) => source === name)) {
        await recoverRun(options, lease, () => Promise.resolve(false));
      }
      const runId = crypto.randomUUID();
      const begun = await beginRun(options, byHand(name, { runId, actor }));
      return await begun.finish({ ...context, signal: stoppedByHand(name, context.signal) });
    },
  };
}

/** Whoever stops a command wants no more of it: it is not made up for. */
function stoppedByHand(name: string, signal: AbortSignal): AbortSignal {
  const stop = new AbortController();
  const end = () => stop.abort(new RunStopped(name));
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  return stop.signal;
}

function isConflict(error: unknown): boolean {
  return error instanceof Refusal && error.code === "conflict";
}
