import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";

export interface BreakerPolicy {
  /** Final failures in a row after which it opens. */
  readonly failures: number;
  readonly openMs: number;
  /** A probe that has not ended by then counts as lost. */
  readonly probeMs: number;
}

export const DEFAULT_BREAKER: BreakerPolicy = {
  failures: 3,
  openMs: 300_000,
  probeMs: 1_800_000,
};

/** Keeps crawlers away from a venue that fails. Fold of what happened there, by `stepBreaker`. */
export type Breaker =
  | { readonly status: "closed"; readonly failures: number }
  | { readonly status: "open"; readonly until: number }
  /** One run, the probe, finds out how the venue is. */
  | { readonly status: "half_open"; readonly probe: string; readonly until: number };

/** Clocks of several machines differ by less. */
const AHEAD_MS = 300_000;

export const CLOSED: Breaker = { status: "closed", failures: 0 };

/** Whether a scheduled run may go to the venue now (epoch ms). What people start themselves always may. */
export function admits(
  breaker: Breaker,
  at: number,
  { openMs, probeMs }: BreakerPolicy = DEFAULT_BREAKER,
): boolean {
  if (breaker.status === "closed" || at >= breaker.until) return true;
  // What begins after now was noted by a clock that was ahead.
  const lastsMs = breaker.status === "open" ? openMs : probeMs;
  return breaker.until - at > lastsMs + AHEAD_MS;
}

/** What happened to a run at a venue, epoch ms. */
export interface BreakerStep {
  /** `lost`: it ended without having found out anything about the venue. */
  readonly type: "started" | "succeeded" | "failed" | "lost";
  readonly runId: string;
  readonly at: number;
}

/** The breaker after an event of a run: see {@linkcode stepBreaker}. */
export function evolveBreaker(
  breaker: Breaker,
  event: CrawlerRunEvent,
  policy: BreakerPolicy = DEFAULT_BREAKER,
): Breaker {
  const step = stepOf(event);
  return step === undefined ? breaker : stepBreaker(breaker, step, policy);
}

/**
 * Any success closes it. Only failures while it is closed, and that of the probe, count: a run that
 * began before it opened says nothing new. A crash of ours is not the venue's fault.
 */
export function stepBreaker(
  breaker: Breaker,
  { type, runId, at }: BreakerStep,
  { failures: most, openMs, probeMs }: BreakerPolicy = DEFAULT_BREAKER,
): Breaker {
  const isProbe = breaker.status === "half_open" && breaker.probe === runId;
  switch (type) {
    case "started":
      if (breaker.status === "closed") return breaker;
      if (breaker.status === "half_open" && at < breaker.until) return breaker;
      return { status: "half_open", probe: runId, until: at + probeMs };
    case "succeeded":
      return CLOSED;
    case "failed": {
      const open: Breaker = { status: "open", until: at + openMs };
      if (breaker.status !== "closed") return isProbe ? open : breaker;
      const failures = breaker.failures + 1;
      return failures >= most ? open : { status: "closed", failures };
    }
    case "lost":
      return isProbe ? { status: "open", until: at } : breaker;
  }
}

function stepOf({ type, data }: CrawlerRunEvent): BreakerStep | undefined {
  const { runId } = data;
  switch (type) {
    case "CrawlerRunStarted":
      return { type: "started", runId, at: data.startedAt };
    case "CrawlerSucceeded":
      return { type: "succeeded", runId, at: data.finishedAt };
    case "CrawlerFailed":
    case "CrawlerTimedOut":
      return { type: "failed", runId, at: data.finishedAt };
    case "CrawlerCrashed":
      return { type: "lost", runId, at: data.finishedAt };
    case "CrawlerAttempted":
    case "CrawlerSkipped":
      return undefined;
  }
}
