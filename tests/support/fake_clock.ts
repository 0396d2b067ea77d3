import type { Clock } from "@/domain/ports/clock.ts";

/** A clock that tests turn by hand. */
export interface FakeClock extends Clock {
  /** Moves on and wakes every sleeper whose time has come. */
  advance(ms: number): void;
  /** How long each sleeper still has to wait. */
  sleepers(): readonly number[];
}

interface Sleeper {
  readonly until: number;
  wake(): void;
}

export function fakeClock(now: number): FakeClock {
  const sleeping = new Set<Sleeper>();
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const leave = () => {
          sleeping.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          until: now + Math.max(0, ms),
          wake() {
            sleeping.delete(sleeper);
            signal?.removeEventListener("abort", leave);
            resolve();
          },
        };
        signal?.addEventListener("abort", leave, { once: true });
        sleeping.add(sleeper);
      }),
    advance(ms) {
      now += ms;
      const due = [...sleeping].filter(({ until }) => until <= now);
      for (const sleeper of due.sort((a, b) => a.until - b.until)) sleeper.wake();
    },
    sleepers: () => [...sleeping].map(({ until }) => until - now).sort((a, b) => a - b),
  };
}

/** A clock on which every wait is over at once, and time has moved on by as much. */
export function leapingClock(now: number): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      const until = now + Math.max(0, ms);
      // What is due now comes before what is due later.
      await settle();
      signal?.throwIfAborted();
      now = Math.max(now, until);
    },
  };
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}
