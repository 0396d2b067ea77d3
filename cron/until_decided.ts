import { VersionConflict } from "@/events/store/store.ts";

const MAX_CONFLICTS = 10;

/** Reads and decides again while other writers come first; throws the VersionConflict of the last attempt. */
export async function untilDecided<T>(
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let conflicts = 0;; conflicts++) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof VersionConflict) || conflicts >= MAX_CONFLICTS) throw error;
    }
  }
}
