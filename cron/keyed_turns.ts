/** Runs works of one key one after the other, in the order in which they came. */
export type KeyedTurns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Turns of this process only: other instances meet in the log. */
export function createKeyedTurns(): KeyedTurns {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const mine = before === undefined ? work() : before.then(work);
    // Whoever comes next waits for the end, however it ends.
    const ended = mine.then(() => {}, () => {});
    last.set(key, ended);
    try {
      return await mine;
    } finally {
      if (last.get(key) === ended) last.delete(key);
    }
  };
}
