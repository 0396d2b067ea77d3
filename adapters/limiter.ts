import { type Clock, steadyNow } from "@/domain/ports/clock.ts";

/** `reader`: somebody looks at the running candle, and can do without it. */
export type Priority = "live" | "reader" | "history";

export interface LimiterOptions {
  readonly clock: Clock;
  /** Least time between two requests of weight 1. */
  readonly intervalMs: number;
  /** Most requests on their way at one time. */
  readonly maxInFlight?: number;
}

/** One request's place in the order of a venue. */
export interface Turn {
  /** What it turned out to weigh, in requests of weight 1; further requests of the turn add theirs. */
  spend(weight: number): void;
}

export interface TurnOptions {
  readonly priority: Priority;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Spaces the requests to one venue, whoever makes them: live ones first, then by turns those of readers
 * and of history, each first come first served. However much is read, crawling goes on.
 */
export interface Limiter {
  run<T>(work: (turn: Turn) => Promise<T>, options: TurnOptions): Promise<T>;
  /** Nothing goes out to the venue for this long. */
  pause(ms: number): void;
  /** What is left of the pause. */
  pausedMs(): number;
  /** Refuses whatever still waits. */
  close(reason: unknown): void;
}

interface Waiter {
  go(): void;
  refuse(reason: unknown): void;
}

const DEFAULT_IN_FLIGHT = 8;

export function createLimiter(
  { clock, intervalMs, maxInFlight = DEFAULT_IN_FLIGHT }: LimiterOptions,
): Limiter {
  const waiting: Readonly<Record<Priority, Set<Waiter>>> = {
    ...{ live: new Set(), reader: new Set(), history: new Set() },
  };
  let isReadersTurn = true;
  const now = steadyNow(clock);
  let nextAt = 0;
  let pausedUntil = 0;
  let inFlight = 0;
  let sleeping: AbortController | undefined;

  function isEmpty(): boolean {
    return Object.values(waiting).every(({ size }) => size === 0);
  }

  function isIdle(): boolean {
    return isEmpty() || inFlight >= maxInFlight;
  }

  function nextQueue(): Set<Waiter> {
    const { live, reader, history } = waiting;
    if (live.size > 0) return live;
    const isReader = reader.size > 0 && (isReadersTurn || history.size === 0);
    isReadersTurn = !isReader;
    return isReader ? reader : history;
  }

  async function pump(): Promise<void> {
    if (sleeping !== undefined) return;
    while (!isIdle()) {
      const waitMs = Math.max(nextAt, pausedUntil) - now();
      if (waitMs > 0) {
        sleeping = new AbortController();
        const { signal } = sleeping;
        await clock.sleep(waitMs, signal).catch(() => {});
        sleeping = undefined;
        continue;
      }
      // Chosen after the wait: a live request that came meanwhile overtakes.
      const queue = nextQueue();
      const [waiter] = queue;
      if (waiter === undefined) return;
      queue.delete(waiter);
      nextAt = Math.max(nextAt, now()) + intervalMs;
      inFlight++;
      waiter.go();
    }
  }

  function turn({ priority, signal }: TurnOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = () => {
        waiting[priority].delete(waiter);
        if (isEmpty()) sleeping?.abort();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        go() {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
        refuse(reason) {
          signal?.removeEventListener("abort", leave);
          reject(reason);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      waiting[priority].add(waiter);
      void pump();
    });
  }

  return {
    async run(work, options) {
      await turn(options);
      // The turn itself has taken the place of one request of weight 1.
      let paid = 1;
      try {
        return await work({
          spend(weight) {
            const owed = Math.max(0, weight - paid);
            paid = Math.max(0, paid - weight);
            nextAt = Math.max(nextAt, now()) + owed * intervalMs;
          },
        });
      } finally {
        inFlight--;
        void pump();
      }
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
    pausedMs: () => Math.max(0, pausedUntil - now()),
    close(reason) {
      for (const queue of Object.values(waiting)) {
        for (const waiter of queue) waiter.refuse(reason);
        queue.clear();
      }
      sleeping?.abort();
    },
  };
}
