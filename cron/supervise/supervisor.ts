import { crawler, type CrawlerCommand } from "@/domain/crawler.ts";
import { Refusal } from "@/domain/decider.ts";
import { handle } from "@/domain/handle.ts";
import type { Crawlers, Doer } from "@/domain/ports/crawlers.ts";
import { RunStopped } from "@/domain/ports/jobs.ts";
import { CRAWLER_MODELS } from "@/projections/crawler_queries.ts";
import type { Projections } from "@/projections/define.ts";
import { failureFields, messageOf } from "../error_message.ts";
import type { Job, JobContext, JobReport } from "../job.ts";
import { LOOK_AGAIN_MS } from "../leases.ts";
import { beginRun, busy, type WantedRun } from "./begin_run.ts";
import { type Plan, planOf } from "./plan.ts";
import { recoverRun } from "./recover_runs.ts";
import { createDue, isConflict } from "./start_due.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

export interface Supervisor extends Crawlers {
  /** Starts what is due and returns at once. To be called every minute, and at the start. */
  tick(): Promise<void>;
  /** As the port says; `work` takes the place of what the source does, and is tried once. */
  run(
    name: string,
    doer: Doer,
    work?: Job["run"],
  ): Promise<{ readonly runId: string; readonly jobId: string }>;
  /** Runs one in this process to its end, for a command. Refusals as `run`. */
  runToEnd(name: string, context: ByHandContext): Promise<JobReport>;
}

export interface ByHandContext extends JobContext {
  readonly actor: string;
  readonly work?: Job["run"] | undefined;
}

const VISIBLE_MS = 2_000;

export interface SupervisorOptions extends SupervisorDeps {
  readonly projections: Pick<Projections, "waitFor">;
  /** False starts nothing by itself; what died is closed, and left to others to make up for. */
  readonly isScheduled: boolean;
  /** Hears of each tick: what went wrong first, undefined when nothing did. */
  readonly onTick?: ((problem: string | undefined) => void) | undefined;
}

/**
 * Runs each source at its times, once among all instances, with attempts, a limit of time and a
 * recorded end. What was missed while nobody ran is made up for once; a source that still runs is
 * left alone until it has ended. Throws at once for a schedule or a time zone that cannot be read.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { sources, leases, store, jobs, clock, log, projections } = options;
  const plans = sources.map((source) => planOf(source, options.timeZone));
  /** Source → run, of those in this process. */
  const running = new Map<string, string>();
  const due = createDue({ ...options, running, start: (wanted) => start(wanted) });
  /** Runs that are to be made up for, but not here. */
  const left = new Set<string>();
  /** Of the tick under way. */
  let problem: string | undefined;
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

  /** Starts a run that goes on behind the caller's back. */
  async function start(wanted: WantedRun, hasLease = false): Promise<{ jobId: string }> {
    const { name } = wanted.source;
    const other = running.get(name);
    if (other !== undefined) throw busy(name, { source: name, runId: other });
    running.set(name, wanted.runId);
    const free = () => running.delete(name);
    try {
      const begun = await beginRun(options, wanted, hasLease);
      try {
        const { id } = jobs.start({
          ...{ name, key: `job:${name}` },
          run: (context) => begun.finish(context).finally(free),
        });
        return { jobId: id };
      } catch (error) {
        await begun.giveUp();
        throw error;
      }
    } catch (error) {
      free();
      throw error;
    }
  }

  /** For another instance, or the next start, that has a schedule. */
  async function leave({ source: { name: source }, runId }: WantedRun): Promise<void> {
    await leases.abandon({ source, runId });
    left.add(runId);
  }

  async function recover(): Promise<void> {
    const lost = await leases.lost(new Set(running.values()), isStart);
    for (const lease of lost.filter(({ runId }) => !left.has(runId))) {
      log.warn("closing the run of a process that is gone", { ...lease });
      try {
        const wanted = await recoverRun(options, lease, due.standing);
        if (wanted === undefined) continue;
        if (options.isScheduled) await start(wanted, true);
        else await leave(wanted);
      } catch (error) {
        warnUnlessBusy(lease.source)(error);
      }
    }
    isStart = false;
  }

  const warnUnlessBusy = (source: string) => (error: unknown) => {
    if (isConflict(error)) return;
    problem ??= `${source}: ${messageOf(error)}`;
    log.error("cannot start a source", { source, ...failureFields(error) });
  };

  async function startDue(): Promise<void> {
    problem = undefined;
    await recover();
    if (!options.isScheduled) return;
    // Whoever has waited longest goes first, so that nobody of a group starves.
    const inOrder = plans.toSorted((a, b) => (a.seen ?? -Infinity) - (b.seen ?? -Infinity) || 0);
    for (const plan of inOrder) {
      await due.startIfDue(plan).catch(warnUnlessBusy(plan.source.name));
    }
  }

  function byHand(
    name: string,
    { runId, actor, work }: { runId: string; actor: string; work?: Job["run"] | undefined },
  ): WantedRun {
    const { source: scheduled } = planNamed(name);
    const { missing = [] } = scheduled;
    if (missing.length > 0) {
      throw new Refusal("unavailable", `Cannot run ${name}: ${missing.join(", ")} not set`);
    }
    const once = { ...scheduled.retry, maxAttempts: 1 };
    const source = work === undefined ? scheduled : { ...scheduled, run: work, retry: once };
    const facts = { trigger: "manual", scheduledFor: null, retryOf: null, crashes: 0 } as const;
    return { source, runId, actor, ...facts };
  }

  /**
   * Closes what is in the source's way and gone. A process of its own looks only once: with
   * somebody to wait, it waits until it can tell who is gone from who is late.
   */
  async function closeLost(source: Job, waiting?: JobContext): Promise<void> {
    for (;;) {
      const holder = await leases.holder(source);
      if (holder === undefined) return;
      const lost = await leases.lost(new Set(running.values()), isStart);
      const found = lost.find(({ runId }) => runId === holder.runId);
      if (found !== undefined) await recoverRun(options, found, () => Promise.resolve("unwanted"));
      if (found !== undefined || !holder.isSilent || waiting === undefined) return;
      waiting.progress.note(`Run ${holder.runId} is silent: waiting to see whether it is gone`);
      await clock.sleep(LOOK_AGAIN_MS, waiting.signal);
    }
  }

  async function decide(command: CrawlerCommand, { actor, commandId }: Doer): Promise<void> {
    planNamed(command.data.source);
    const { position } = await handle({ store }, crawler, {
      ...{ stream: `crawler-${command.data.source}`, command, meta: { actor, commandId } },
    });
    await projections.waitFor(position, VISIBLE_MS, CRAWLER_MODELS);
  }

  return {
    tick() {
      ticking ??= startDue()
        .catch((error: unknown) => {
          problem ??= messageOf(error);
          log.error("cannot look for due sources", failureFields(error));
        })
        .finally(() => {
          ticking = undefined;
          options.onTick?.(problem);
        });
      return ticking;
    },
    list: () =>
      sources.map((
        { name, venue = name, schedule, timeZone = options.timeZone, missing = [], ...source },
      ) => ({
        ...{ name, venue, schedule, timeZone, missing },
        ownBreakers: source.ownBreakers ?? false,
      })),
    nextRunAt: (name) => options.isScheduled ? planNamed(name).next(clock.now()) : undefined,
    async run(name, { actor, commandId }, work) {
      const wanted = byHand(name, { runId: commandId, actor, work });
      if (!running.has(name)) await closeLost(wanted.source);
      const { jobId } = await start(wanted);
      await projections.waitFor(await store.head(), VISIBLE_MS, CRAWLER_MODELS);
      return { runId: commandId, jobId };
    },
    pause: (source, { reason, ...doer }) =>
      decide({ type: "PauseCrawler", data: { source, reason } }, doer),
    resume: (source, doer) => decide({ type: "ResumeCrawler", data: { source } }, doer),
    async runToEnd(name, { actor, work, ...context }) {
      const wanted = byHand(name, { runId: crypto.randomUUID(), actor, work });
      await closeLost(wanted.source, context);
      const begun = await beginRun(options, wanted);
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
