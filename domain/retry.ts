import { databaseErrorIn } from "@/events/store/database.ts";
import { AdapterError } from "./ports/adapter_error.ts";
import type { Clock } from "./ports/clock.ts";

export interface RetryOptions {
  readonly clock: Clock;
  /** From 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  /** The first one included. */
  readonly attempts: number;
  /** Longest wait before the second attempt; doubles with every further one. */
  readonly baseMs: number;
  readonly maxMs: number;
  readonly signal?: AbortSignal | undefined;
  /** By default what the world's errors say of themselves; bugs are never retried. */
  readonly isRetryable?: ((error: unknown) => boolean) | undefined;
  readonly onRetry?: ((retry: RetryNotice) => void) | undefined;
}

export interface RetryNotice {
  readonly error: unknown;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly delayMs: number;
}

/**
 * Runs the work until it succeeds, fails for good or has used its attempts; then throws its last
 * error. Waits a random part of an exponentially growing time between attempts (full jitter, as in
 * AWS's "Exponential Backoff and Jitter"), and never less than the other side asked for. An abort
 * ends it with the signal's reason.
 */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { clock, attempts, signal, isRetryable = saysRetryable, onRetry } = options;
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= attempts || !isRetryable(error)) throw error;
      const delayMs = Math.max(backoff(attempt, options), askedToWaitMs(error));
      onRetry?.({ error, attempt, delayMs });
      await clock.sleep(delayMs, signal);
    }
  }
}

function backoff(attempt: number, { random, baseMs, maxMs }: RetryOptions): number {
  return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1)));
}

function saysRetryable(error: unknown): boolean {
  return (error instanceof AdapterError ? error : databaseErrorIn(error))?.retryable === true;
}

function askedToWaitMs(error: unknown): number {
  return error instanceof AdapterError ? error.retryAfterMs ?? 0 : 0;
}
