import { untilAborted } from "@/adapters/exchange/until_aborted.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Window } from "./dialect.ts";

/** Lets one message after the other go out, none before the robot may take it. */
export interface Pace {
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Nothing goes out for this long. */
  pause(ms: number): void;
  /** Refuses whatever still waits. */
  close(reason: unknown): void;
}

/**
 * In any stretch of a window's length at most its number of messages arrive: one counts from when its
 * answer was there, for nobody knows when within its time on the way the robot saw it.
 */
export function createPace(clock: Clock, windows: readonly Window[]): Pace {
  const closed = new AbortController();
  const kept = Math.max(...windows.map(({ most }) => most));
  const endedAt: number[] = [];
  let pause = { from: -Infinity, ms: 0 };
  let last: Promise<unknown> = Promise.resolve();

  /** What was noted by a clock that was ahead has only just been. */
  function forgetAhead(now: number): void {
    endedAt.forEach((at, i) => endedAt[i] = Math.min(at, now));
    pause = { ...pause, from: Math.min(pause.from, now) };
  }

  async function untilFree(signal: AbortSignal): Promise<void> {
    for (;;) {
      forgetAhead(clock.now());
      const free = windows.map(({ most, ms }) => (endedAt.at(-most) ?? -Infinity) + ms);
      const waitMs = Math.max(pause.from + pause.ms, ...free) - clock.now();
      if (waitMs <= 0) return;
      await clock.sleep(waitMs, signal);
    }
  }

  return {
    async run(work, outer) {
      const signals = [closed.signal, outer].filter((signal) => signal !== undefined);
      const signal = AbortSignal.any(signals);
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = before.then(() => promise);
      try {
        await untilAborted(before, signal);
        await untilFree(signal);
        signal.throwIfAborted();
        try {
          return await work();
        } finally {
          endedAt.push(clock.now());
          if (endedAt.length > kept) endedAt.shift();
        }
      } finally {
        resolve();
      }
    },
    pause(ms) {
      const from = clock.now();
      forgetAhead(from);
      if (from + ms > pause.from + pause.ms) pause = { from, ms };
    },
    close: (reason) => closed.abort(reason),
  };
}
