import type { Clock } from "@/domain/ports/clock.ts";

/** How often whoever holds a lease shows that it goes on. */
export const BEAT_MS = 15_000;
/** After how long a silent holder is looked at, in SQL. */
export const SILENT = "interval '45 seconds'";

/** Beats until it is `over`; true when the lease was lost before. */
export async function beatUntil(
  over: AbortSignal,
  clock: Pick<Clock, "sleep">,
  /** Undefined when the database does not say. */
  beat: () => Promise<boolean | undefined>,
): Promise<boolean> {
  for (;;) {
    await clock.sleep(BEAT_MS, over).catch(() => {});
    if (over.aborted) return false;
    if (await beat() === false) return true;
  }
}
