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

/** A half-hourly schedule has nearly fifty times a day, and the longest holidays last ten days. */
const MAX_STEPS = 1_000;

/** Throws at once for a schedule or a time zone that cannot be read. */
export function planOf(source: Job, timeZone: string): Plan {
  const times: CronTimes = parseCron(source.schedule);
  nextOccurrence(times, 0, timeZone);
  const { isDue = () => true } = source;
  return {
    source,
    seen: undefined,
    latest(at) {
      let found = latestOccurrence(times, at, timeZone);
      for (let n = 0; n < MAX_STEPS && found !== undefined && !isDue(found); n++) {
        found = latestOccurrence(times, found - 1, timeZone);
      }
      return found;
    },
    next(at) {
      let found = nextOccurrence(times, at, timeZone);
      for (let n = 0; n < MAX_STEPS && found !== undefined && !isDue(found); n++) {
        found = nextOccurrence(times, found, timeZone);
      }
      return found;
    },
  };
}
