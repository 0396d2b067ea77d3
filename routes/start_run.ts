import { Refusal } from "@/domain/decider.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { WriteIdentity } from "./idempotency.ts";

/** A run of a source; `jobId` is null of one that was started before. */
export interface StartedRun {
  readonly runId: string;
  readonly jobId: string | null;
}

/**
 * Starts a run under the command's id, or answers the one that the same key has started, whatever has
 * become of it.
 */
export async function startRun(
  store: Pick<EventStore, "readStream">,
  { commandId, fingerprint }: WriteIdentity,
  start: () => Promise<StartedRun>,
): Promise<StartedRun> {
  const keyed = fingerprint !== undefined;
  const before = { runId: commandId, jobId: null };
  if (keyed && await wasStarted(store, commandId)) return before;
  try {
    return await start();
  } catch (error) {
    // Its twin may have started the run in between: then nothing was refused.
    if (keyed && error instanceof Refusal && await wasStarted(store, commandId)) return before;
    throw error;
  }
}

/** The log knows it before the read models do. */
async function wasStarted(store: Pick<EventStore, "readStream">, runId: string): Promise<boolean> {
  return (await store.readStream(`crawler_run-${runId}`, { limit: 1 })).events.length > 0;
}
