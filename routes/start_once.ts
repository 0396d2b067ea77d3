import { keyUsedOtherwise, type WriteIdentity } from "./idempotency.ts";

/** Starts a job, or answers the one that the same write has started. */
export type StartOnce<Id extends string | null = string> = (
  identity: WriteIdentity,
  start: () => Started<Id> | Promise<Started<Id>>,
) => Promise<Id>;

interface Started<Id> {
  readonly id: Id;
}

interface Start<Id> {
  readonly fingerprint: string;
  readonly id: Promise<Id>;
}

/** Keys remembered; the oldest is forgotten first. */
const MOST_REMEMBERED = 1_000;

/** Remembers keys as long as jobs are remembered at most: until this process ends. Answers job ids. */
export function createStartOnce<Id extends string | null = string>(): StartOnce<Id> {
  const starts = new Map<string, Start<Id>>();

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
