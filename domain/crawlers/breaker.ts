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

/** Keeps crawlers away from a venue that fails. Fold of the venue's runs, by `evolveBreaker`. */
export type Breaker =
  | { readonly status: "closed"; readonly failures: number }
  | { readonly status: "open"; readonly until: number }
  /** One run, the probe, finds out how the venue is. */
  | { readonly status: "half_open"; readonly probe: string; readonly until: number };

export const CLOSED: Breaker = { status: "closed", failures: 0 };

/** Whether a scheduled run may go to the venue now (epoch ms). What people start themselves always may. */
export function admits(breaker: Breaker, at: number): boolean {
  return breaker.status === "closed" || at >= breaker.until;
}

/**
 * Any success closes it. Only failures while it is closed, and that of the probe, count: a run that
 * began before it opened says nothing new. A crash of ours is not the venue's fault.
 */
export function evolveBreaker(
  breaker: Breaker,
  { type, data }: CrawlerRunEvent,
  policy: BreakerPolicy = DEFAULT_BREAKER,
): Breaker {
  switch (type) {
    case "CrawlerRunStarted": {
      const { startedAt, runId } = data;
      if (breaker.status === "closed") return breaker;
      if (breaker.status === "half_open" && startedAt < breaker.until) return breaker;
      return { status: "half_open", probe: runId, until: startedAt + policy.probeMs };
    }
    case "CrawlerSucceeded":
      return CLOSED;
    case "CrawlerFailed":
    case "CrawlerTimedOut":
      return failed(breaker, data, policy);
    case "CrawlerCrashed":
      return isProbe(breaker, data) ? { status: "open", until: data.finishedAt } : breaker;
    case "CrawlerAttempted":
    case "CrawlerSkipped":
      return breaker;
  }
}

function failed(
  breaker: Breaker,
  run: { runId: string; finishedAt: number },
  { failures: most, openMs }: BreakerPolicy,
): Breaker {
  const open: Breaker = { status: "open", until: run.finishedAt + openMs };
  if (breaker.status !== "closed") return isProbe(breaker, run) ? open : breaker;
  const failures = breaker.failures + 1;
  return failures >= most ? open : { status: "closed", failures };
}

function isProbe(breaker: Breaker, { runId }: { runId: string }): boolean {
  return breaker.status === "half_open" && breaker.probe === runId;
}
