import type { JobStatus } from "@/domain/ports/jobs.ts";
import { keyUsedOtherwise, type WriteIdentity } from "./idempotency.ts";

/** Starts a job, or answers the one that the same write has started. */
export type StartOnce = (
  identity: WriteIdentity,
  start: () => JobStatus | Promise<JobStatus>,
) => Promise<string>;

interface Start {
  readonly fingerprint: string;
  readonly id: Promise<string>;
}

/** Keys remembered; the oldest is forgotten first. */
const MOST_REMEMBERED = 1_000;

/** Remembers keys as long as jobs are remembered at most: until this process ends. Answers job ids. */
export function createStartOnce(): StartOnce {
  const starts = new Map<string, Start>();

  return async ({ commandId, fingerprint }, start) => {
    if (fingerprint === undefined) return (await start()).id;
    const known = starts.get(commandId);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) throw keyUsedOtherwise();
      return await known.id;
    }
    const id = Promise.resolve().then(start).then((job) => job.id);
    starts.set(commandId, { fingerprint, id });
    // What was refused has started nothing: the same key may try again.
    id.catch(() => starts.delete(commandId));
    for (const oldest of starts.keys()) {
      if (starts.size <= MOST_REMEMBERED) break;
      starts.delete(oldest);
    }
    return await id;
  };
}
