import { type CronTimes, parseCron } from "../cron_text.ts";
import type { Job } from "../job.ts";
import { latestOccurrence, nextOccurrence } from "../occurrences.ts";

/** A source and the times at which it is due. */
export interface Plan {
  readonly source: Job;
  /** The last time at or before `at` (epoch ms) that counts. */
  latest(at: number): number | undefined;
  /** The first one after. */
  next(at: number): number | undefined;
  /** Newest time that is known to be dealt with; undefined at the start. */
  seen: number | undefined;
}

/** No market is closed for longer. */
const HORIZON_MS = 40 * 86_400_000;

/** Throws at once for a schedule or a time zone that cannot be read. */
export function planOf(source: Job, houseZone: string): Plan {
  const timeZone = source.timeZone ?? houseZone;
  const times: CronTimes = parseCron(source.schedule);
  nextOccurrence(times, 0, timeZone);
  const { isDue = () => true } = source;
  return {
    source,
    seen: undefined,
    latest(at) {
      let found = latestOccurrence(times, at, timeZone);
      while (found !== undefined && !isDue(found)) {
        found = latestOccurrence(times, found - 1, timeZone);
        if (found !== undefined && at - found > HORIZON_MS) return undefined;
      }
      return found;
    },
    next(at) {
      let found = nextOccurrence(times, at, timeZone);
      while (found !== undefined && !isDue(found)) {
        found = nextOccurrence(times, found, timeZone);
        if (found !== undefined && found - at > HORIZON_MS) return undefined;
      }
      return found;
    },
  };
}
