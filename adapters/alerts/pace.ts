import { untilAborted } from "@/adapters/until_aborted.ts";
import { type Clock, steadyNow } from "@/domain/ports/clock.ts";
import type { Window } from "./dialect.ts";

/** Lets one message after the other go out, none before the robot may take it. */
export interface Pace {
  run<T>(work: () => Promise<T>, options?: PaceOptions): Promise<T>;
  /** Nothing goes out for this long. */
  pause(ms: number): void;
  /** Refuses whatever still waits. */
  close(reason: unknown): void;
}

export interface PaceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Messages of others (and perhaps of ours) that the robot counts as well, oldest first. */
  readonly endedAgoMs?: readonly number[] | undefined;
}

/**
 * In any stretch of a window's length at most its number of messages arrive: one counts from when its
 * answer was there, for nobody knows when within its time on the way the robot saw it.
 */
export function createPace(clock: Clock, windows: readonly Window[]): Pace {
  const now = steadyNow(clock);
  const closed = new AbortController();
  const kept = Math.max(...windows.map(({ most }) => most));
  const endedAt: number[] = [];
  let pausedUntil = -Infinity;
  let last: Promise<unknown> = Promise.resolve();

  async function untilFree(signal: AbortSignal, others: readonly number[]): Promise<void> {
    for (;;) {
      const free = windows.map(({ most, ms }) =>
        Math.max(endedAt.at(-most) ?? -Infinity, others.at(-most) ?? -Infinity) + ms
      );
      const waitMs = Math.max(pausedUntil, ...free) - now();
      if (waitMs <= 0) return;
      await clock.sleep(waitMs, signal);
    }
  }

  return {
    async run(work, { signal: outer, endedAgoMs = [] } = {}) {
      const others = endedAgoMs.map((ms) => now() - ms);
      const signals = [closed.signal, outer].filter((signal) => signal !== undefined);
      const signal = AbortSignal.any(signals);
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = before.then(() => promise);
      try {
        await untilAborted(before, signal);
        await untilFree(signal, others);
        signal.throwIfAborted();
        try {
          return await work();
        } finally {
          endedAt.push(now());
          if (endedAt.length > kept) endedAt.shift();
        }
      } finally {
        resolve();
      }
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
    close: (reason) => closed.abort(reason),
  };
}
