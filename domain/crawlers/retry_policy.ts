import type { CrawlFailure } from "./failure.ts";

export interface RetryPolicy {
  /** The first one included. */
  readonly maxAttempts: number;
  readonly delayMs: number;
  /** How far a delay may lie from `delayMs`, as a part of it. */
  readonly jitter: number;
  /** A source that asks for a longer pause has failed: its next scheduled run comes soon enough. */
  readonly longestWaitMs: number;
  /** Runs in place of crashed ones, one after the other: what takes the process down stops there. */
  readonly maxCrashes: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 4,
  delayMs: 60_000,
  jitter: 0.2,
  longestWaitMs: 600_000,
  maxCrashes: 3,
};

export interface FailedAttempt {
  /** From 1. */
  readonly attempt: number;
  readonly failure: Pick<CrawlFailure, "retryable" | "retryAfterMs">;
}

/**
 * How long to wait before the next attempt; undefined when there is none. `random` is from 0
 * inclusive to 1 exclusive: six sources that failed together do not come back together.
 */
export function retryDelayMs(
  { maxAttempts, delayMs, jitter, longestWaitMs }: RetryPolicy,
  { attempt, failure }: FailedAttempt,
  random: number,
): number | undefined {
  if (!failure.retryable || attempt >= maxAttempts) return undefined;
  const asked = failure.retryAfterMs ?? 0;
  if (asked > longestWaitMs) return undefined;
  return Math.max(Math.round(delayMs * (1 - jitter + 2 * jitter * random)), asked);
}

/** Whether a run that crashed gets another one in its place; `crashes` is how many crashed in a row. */
export function isRunAgain({ maxCrashes }: RetryPolicy, crashes: number): boolean {
  return crashes <= maxCrashes;
}
