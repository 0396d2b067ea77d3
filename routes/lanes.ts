/** Lanes for work of one kind, over all requests: who finds none free waits, first come first served. */
export interface Lanes {
  readonly count: number;
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createLanes(count: number): Lanes {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    count,
    async run(work) {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        // A lane goes from hand to hand, so that nobody comes between.
        if (next === undefined) free++;
        else next();
      }
    },
  };
}

/**
 * Works on items side by side. After a failure no more of them begin; it is thrown once all that had
 * begun have ended: nothing goes on behind the caller's back.
 */
export async function eachInLanes<T>(
  lanes: Lanes,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const one = async (item: T) => {
    if (failures.length > 0) return;
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from({ length: lanes.count }, async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const item = next.value;
      await lanes.run(() => one(item));
    }
  }));
  if (failures.length > 0) throw failures[0];
}

/** The results of work that runs side by side, after all of it has ended; then the first failure is thrown. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(work);
  return ended.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}
