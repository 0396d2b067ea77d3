import { systemClock } from "./clock.ts";

const TRIES = 20;
const PAUSE_MS = 50;

/**
 * Removes a folder with all that is in it; none there is fine. What processes still put into it while
 * they end, a browser's children say, is waited for a second.
 */
export async function removeFolder(path: string): Promise<void> {
  for (let left = TRIES;; left--) {
    try {
      return await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (left === 0 || !isStillWritten(error)) throw error;
      await systemClock.sleep(PAUSE_MS);
    }
  }
}

/** Something came into the folder while it was removed. */
export function isStillWritten(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOTEMPTY";
}
