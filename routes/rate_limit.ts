import type { Clock } from "@/domain/ports/clock.ts";

/** Kinds of requests that are counted together. */
export type RateClass = "auth" | "lab" | "write" | "market";

/** Requests a minute of one caller; 0 = unlimited. */
export type RateLimits = Readonly<Record<RateClass, number>>;

export interface RateLimiter {
  /** Takes one request; answers 0 when it may go on, else the seconds until the next one may. */
  take(rateClass: RateClass, caller: string): number;
  /** Requests of a minute's worth that are not refilled yet. */
  used(rateClass: RateClass, caller: string): number;
}

interface Bucket {
  tokens: number;
  refilledAt: number;
}

const MINUTE_MS = 60_000;

/** Callers remembered; the one unseen for longest is forgotten first, which only ever favours it. */
const MAX_BUCKETS = 20_000;

/** Token buckets in this process: a minute's worth at once, refilled evenly. */
export function createRateLimiter(
  { limits, clock, maxBuckets = MAX_BUCKETS }: {
    readonly limits: RateLimits;
    readonly clock: Pick<Clock, "now">;
    readonly maxBuckets?: number;
  },
): RateLimiter {
  const buckets = new Map<string, Bucket>();

  function refill(rateClass: RateClass, caller: string): Bucket {
    const [key, perMinute, now] = [`${rateClass} ${caller}`, limits[rateClass], clock.now()];
    const bucket = buckets.get(key) ?? { tokens: perMinute, refilledAt: now };
    // A clock that is set back must not take tokens away.
    const elapsedMs = Math.max(0, now - bucket.refilledAt);
    bucket.tokens = Math.min(perMinute, bucket.tokens + (elapsedMs * perMinute) / MINUTE_MS);
    bucket.refilledAt = now;
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > maxBuckets) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest);
        break;
      }
    }
    return bucket;
  }

  function secondsLeft(bucket: Bucket, rateClass: RateClass): number {
    if (bucket.tokens >= 1) return 0;
    return Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / limits[rateClass] / 1_000);
  }

  return {
    take(rateClass, caller) {
      if (limits[rateClass] === 0) return 0;
      const bucket = refill(rateClass, caller);
      const left = secondsLeft(bucket, rateClass);
      if (left === 0) bucket.tokens -= 1;
      return left;
    },
    used(rateClass, caller) {
      if (limits[rateClass] === 0) return 0;
      return Math.ceil(limits[rateClass] - refill(rateClass, caller).tokens);
    },
  };
}
