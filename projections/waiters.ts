/** What a caller waits for. */
export interface Awaited {
  readonly position: number;
  /** Of projections; undefined: all of them. */
  readonly names: readonly string[] | undefined;
}

/** Callers that wait until the read models have passed a position. */
export interface Waiters {
  /** True when passed in time, false after the timeout or when it is no use to wait. */
  wait(awaited: Awaited, timeoutMs: number): Promise<boolean>;
  /** Looks who can go; called whenever something has moved or stopped. */
  settle(): void;
  /** Lets everybody go, those too who come later. */
  close(): void;
}

/** `outcome` is undefined while it is worth waiting. */
export function createWaiters(outcome: (awaited: Awaited) => boolean | undefined): Waiters {
  const waiting = new Set<{ awaited: Awaited; finish: (passed: boolean) => void }>();
  let closed = false;
  return {
    wait(awaited, timeoutMs) {
      const known = outcome(awaited);
      if (known !== undefined) return Promise.resolve(known);
      if (closed) return Promise.resolve(false);
      return new Promise((resolve) => {
        const timer = setTimeout(() => finish(false), timeoutMs);
        const waiter = { awaited, finish };
        function finish(passed: boolean): void {
          clearTimeout(timer);
          waiting.delete(waiter);
          resolve(passed);
        }
        waiting.add(waiter);
      });
    },
    settle() {
      for (const { awaited, finish } of waiting) {
        const known = outcome(awaited);
        if (known !== undefined) finish(known);
      }
    },
    close() {
      closed = true;
      for (const { awaited, finish } of waiting) finish(outcome(awaited) ?? false);
    },
  };
}
