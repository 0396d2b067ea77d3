/** Ticks now and at the start of every minute until the signal is aborted. */
export async function tickEveryMinute(
  tick: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  // A name that was used before would run twice after it was stopped and registered again.
  const name = `tick-${crypto.randomUUID()}`;
  await tick();
  void Deno.cron(name, "* * * * *", { signal, backoffSchedule: [] }, tick);
}
