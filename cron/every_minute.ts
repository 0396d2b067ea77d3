import type { Scheduler } from "./schedule.ts";

/** Ticks now and at the start of every minute until the signal is aborted. */
export async function tickEveryMinute(
  scheduler: Scheduler,
  signal: AbortSignal,
): Promise<void> {
  // A name that was used before would run twice after it was stopped and registered again.
  const name = `tick-${crypto.randomUUID()}`;
  await scheduler.tick();
  void Deno.cron(name, "* * * * *", { signal, backoffSchedule: [] }, () => scheduler.tick());
}
