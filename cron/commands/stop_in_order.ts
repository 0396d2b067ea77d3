import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";

/** A part of the service, by the name that the log shows, and how it ends. */
export type StopStep = readonly [name: string, stop: () => Promise<unknown> | void];

interface StopOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What one part may take; the next ones must get their turn. */
  readonly stepMs: number;
}

/** Ends parts one after the other. One that fails or hangs is passed over; true when none did. */
export async function stopInOrder(
  steps: readonly StopStep[],
  { clock, log, stepMs }: StopOptions,
): Promise<boolean> {
  let clean = true;
  for (const [name, stop] of steps) {
    const timer = new AbortController();
    try {
      const late = clock.sleep(stepMs, timer.signal).then(() => {
        throw new Error(`it has not ended within ${stepMs} ms`);
      });
      await Promise.race([Promise.resolve().then(stop), late]);
      // Aborting rejects the timer that has lost the race.
      late.catch(() => {});
    } catch (error) {
      clean = false;
      log.error("a part did not end well", { part: name, error });
    } finally {
      timer.abort();
    }
  }
  return clean;
}
