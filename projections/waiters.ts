/** Callers that wait until the read models have passed a position. */
export interface Waiters {
  /** True when passed in time, false after the timeout or at the end of the process. */
  wait(position: number, timeoutMs: number): Promise<boolean>;
  passed(position: number): void;
  close(): void;
}

export function createWaiters(): Waiters {
  const waiting = new Set<{ position: number; finish: (passed: boolean) => void }>();
  return {
    wait(position, timeoutMs) {
      return new Promise((resolve) => {
        const waiter = {
          position,
          finish(passed: boolean) {
            clearTimeout(timer);
            waiting.delete(waiter);
            resolve(passed);
          },
        };
        const timer = setTimeout(() => waiter.finish(false), timeoutMs);
        waiting.add(waiter);
      });
    },
    passed(position) {
      for (const waiter of waiting) if (waiter.position <= position) waiter.finish(true);
    },
    close() {
      for (const waiter of waiting) waiter.finish(false);
    },
  };
}
