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
  /** The last time of the schedule, where it does not count because the market is closed since. */
  closed(at: number): number | undefined;
  /** Newest time that is known to be dealt with; undefined at the start. */
  seen: number | undefined;
  /** The first that could not start because of a run in its way, since the last one that did. */
  waiting: { readonly at: number; readonly runId: string } | undefined;
  /** Newest time that never was to start: of a source without settings, or outside of a session. */
  passedOver: number | undefined;
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
    ...{ seen: undefined, waiting: undefined, passedOver: undefined },
    closed(at) {
      const last = latestOccurrence(times, at, timeZone);
      return last !== undefined && isDue(last) ? undefined : last;
    },
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
