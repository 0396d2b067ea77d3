/** How long the event loop was held up. */
export interface StallMeter {
  /** The 99th percentile so far, in ms. */
  p99Ms(): number;
  stop(): void;
}

const TICK_MS = 5;
/** Delays counted by whole ms; longer ones count as the last. */
const BUCKETS = 10_000;

/** A timer that should tick every 5 ms: what it is late by was somebody's work on this thread. */
export function startStallMeter(): StallMeter {
  const counts = new Uint32Array(BUCKETS);
  let ticks = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const lateMs = Math.max(0, Math.floor(now - last - TICK_MS));
    const bucket = Math.min(lateMs, BUCKETS - 1);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    ticks++;
    last = now;
  }, TICK_MS);
  return {
    p99Ms() {
      let seen = 0;
      const rank = Math.ceil(ticks * 0.99);
      return counts.findIndex((count) => (seen += count) >= rank);
    },
    stop: () => clearInterval(timer),
  };
}
