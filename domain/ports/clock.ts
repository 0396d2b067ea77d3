/** Time as a dependency: tests turn it by hand. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Reads a clock for waits: a step back of it counts as no time at all, so that nobody waits until it
 * is again as late as it was. Its readings are no times of day.
 */
export function steadyNow(clock: Pick<Clock, "now">): () => number {
  let last = -Infinity;
  let setBackMs = 0;
  return () => {
    const at = clock.now();
    if (at < last) setBackMs += last - at;
    last = at;
    return at + setBackMs;
  };
}
