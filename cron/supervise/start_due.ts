import { admits, CLOSED } from "@/domain/crawlers/breaker.ts";
import { Refusal } from "@/domain/decider.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { Job } from "../job.ts";
import { AHEAD_MS } from "../seen_times.ts";
import type { WantedRun } from "./begin_run.ts";
import type { Plan } from "./plan.ts";
import { readRun } from "./record_run.ts";
import { createSkips, type Skip } from "./skips.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

export interface DueDeps extends SupervisorDeps {
  /** Source → run, of those in this process. */
  readonly running: ReadonlyMap<string, string>;
  readonly start: (wanted: WantedRun) => Promise<unknown>;
}

export interface Due {
  /** Starts a source whose time has come, or records why it does not. */
  startIfDue(plan: Plan): Promise<void>;
  /** Whether a run of it may start now, has to wait for its venue, or is not to be. */
  standing(source: Job): Promise<RunStanding>;
}

export type RunStanding = "wanted" | "later" | "unwanted";

/** Ids of scheduled runs derive from source and time: of several instances one can start each. */
const NAMESPACE = "5f0d6a4e-9c52-5d0b-8a3e-0b1f7e2c9d44";
const ACTOR = "job:supervisor";
/** How often it is looked what is due. */
const LOOK_MS = 60_000;
/** What starts later than that was missed. */
const LATE_MS = 120_000;

/** What the clock wants of each source, and what keeps it from that. */
export function createDue(deps: DueDeps): Due {
  const { sources, leases, seen, queries, clock, running, start } = deps;
  const skips = createSkips(deps);
  /** Nobody is told of times before this process. */
  let begunAt = clock.now();

  /** The run that a source has to wait for. */
  function inTheWay({ name, group }: Job): string | undefined {
    const other = group === undefined
      ? undefined
      : sources.find((one) => one.group === group && running.has(one.name));
    return running.get(name) ?? (other && running.get(other.name));
  }

  function isWantedNow(source: Job): boolean {
    return source.isWanted?.() === true && inTheWay(source) === undefined;
  }

  async function startIfDue(plan: Plan): Promise<void> {
    const { source } = plan;
    const { name, atStart = false, missing = [] } = source;
    const now = clock.now();
    forgetAhead(plan, now);
    if (missing.length > 0) return await noteUnconfigured(plan, now);
    await noteNoSession(plan, now);
    const isFirst = plan.seen === undefined;
    const isExtra = isFirst ? atStart : isWantedNow(source);
    const at = isFirst && atStart ? now : isExtra ? now - now % LOOK_MS : plan.latest(now);
    if (at === undefined || at <= (plan.seen ?? -Infinity)) return;
    const runId = runOf(name, at);
    const settle = async () => {
      await seen.mark(name, at);
      plan.seen = at;
      plan.waiting = undefined;
    };
    const other = inTheWay(source);
    if (other === runId) return await settle();
    if (other !== undefined) return isFirst ? undefined : await wait(plan, at, other);
    const latest = await seen.latest(name, now);
    plan.seen = latest ?? -Infinity;
    if (latest !== undefined && at <= latest) {
      await noteWaited(plan, latest);
      plan.waiting = undefined;
      return;
    }
    // A new installation owes nothing for the time before it.
    if (latest === undefined && !atStart) return await settle();
    const wanted: WantedRun = {
      ...{ source, actor: ACTOR, runId },
      trigger: now - at > LATE_MS ? "catch_up" : "schedule",
      scheduledFor: isExtra ? null : at,
      ...{ retryOf: null, crashes: 0 },
    };
    await noteWaited(plan, at);
    const reason = await reasonToSkip(source, now);
    if (reason !== undefined) {
      const { trigger, scheduledFor } = wanted;
      await skips.note(source, { ...reason, trigger, scheduledFor });
      // What its venue keeps from running is made up for as soon as the venue is asked again.
      return reason.reason === "breaker_open" ? undefined : await settle();
    }
    try {
      await start(wanted);
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Whoever has the source is left alone; a run that was started before is dealt with.
      const holder = await leases.holder(source);
      if (holder !== undefined && holder.runId !== runId) {
        return wanted.scheduledFor === null ? undefined : await wait(plan, at, holder.runId);
      }
    }
    await settle();
  }

  /** A clock that was ahead has dealt with no time that is yet to come. */
  function forgetAhead(plan: Plan, now: number): void {
    const isAhead = (at = -Infinity) => at > now + AHEAD_MS;
    if (isAhead(plan.seen)) plan.seen = -Infinity;
    if (isAhead(plan.passedOver)) plan.passedOver = now;
    if (isAhead(plan.waiting?.at)) plan.waiting = undefined;
    begunAt = Math.min(begunAt, now);
  }

  /** A time that has to wait; of several the newest is made up for, the others were not run. */
  async function wait(plan: Plan, at: number, runId: string): Promise<void> {
    await noteWaited(plan, at);
    plan.waiting ??= { at, runId };
  }

  async function noteWaited(plan: Plan, at: number): Promise<void> {
    const { source, waiting } = plan;
    if (waiting === undefined || waiting.at >= at) return;
    const { at: scheduledFor, runId: episode } = waiting;
    const reason = "already_running";
    // Another instance may have run it meanwhile.
    if ((await readRun(deps, runOf(source.name, scheduledFor))).status === "absent") {
      await skips.note(source, { reason, episode, trigger: "schedule", scheduledFor });
    }
    plan.waiting = undefined;
  }

  /** Once from when its settings went missing: it is dealt with no time until they are back. */
  async function noteUnconfigured(plan: Plan, now: number): Promise<void> {
    const { source: { name, missing = [] } } = plan;
    const at = plan.latest(now);
    if (at === undefined || at <= (plan.passedOver ?? begunAt)) return;
    const since = await seen.latest(name, now) ?? "never";
    await passOver(plan, { reason: "not_configured", episode: `${missing}/${since}`, at });
  }

  /** Once for each time in which the market is closed. */
  async function noteNoSession(plan: Plan, now: number): Promise<void> {
    const at = plan.closed(now);
    if (at === undefined || at <= (plan.passedOver ?? begunAt)) return;
    if ((await queries.paused()).has(plan.source.name)) return;
    const episode = String(plan.latest(at) ?? "never");
    await passOver(plan, { reason: "no_session", episode, at });
  }

  async function passOver(
    plan: Plan,
    { at, ...why }: Pick<Skip, "reason" | "episode"> & { readonly at: number },
  ): Promise<void> {
    await skips.note(plan.source, { ...why, trigger: "schedule", scheduledFor: at });
    plan.passedOver = at;
  }

  async function reasonToSkip(
    { name, venue = name, ownBreakers = false }: Job,
    now: number,
  ): Promise<Pick<Skip, "reason" | "episode"> | undefined> {
    const pause = (await queries.paused()).get(name);
    if (pause !== undefined) return { reason: "paused", episode: String(pause.since) };
    if (ownBreakers) return undefined;
    const breaker = (await queries.breakers()).get(venue) ?? CLOSED;
    if (breaker.status === "closed" || admits(breaker, now)) return undefined;
    return { reason: "breaker_open", episode: String(breaker.until) };
  }

  return {
    startIfDue,
    async standing(source) {
      if ((source.missing ?? []).length > 0 || running.has(source.name)) return "unwanted";
      const skip = await reasonToSkip(source, clock.now());
      if (skip === undefined) return "wanted";
      return skip.reason === "breaker_open" ? "later" : "unwanted";
    },
  };
}

function runOf(source: string, at: number): string {
  return uuidV5(NAMESPACE, `${source}/${at}`);
}

export function isConflict(error: unknown): boolean {
  return error instanceof Refusal && error.code === "conflict";
}
