import type { FakeClock } from "./fake_clock.ts";

/** Lets the event loop go round: requests on this machine take a few turns of it. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** Moves the clock on whenever somebody waits, never as far as an answer may take. */
export async function passTime(
  clock: FakeClock,
  work: Promise<unknown>,
  timeoutMs: number,
): Promise<void> {
  let isOver = false;
  const over = work.finally(() => isOver = true);
  while (!isOver) {
    await turns(1);
    const next = clock.sleepers().find((ms) => ms < timeoutMs);
    if (next !== undefined) clock.advance(next);
  }
  await over;
}

/** The same until something holds; what never does is for the test runner's patience. */
export async function passTimeUntil(
  clock: FakeClock,
  holds: () => boolean,
  timeoutMs: number,
): Promise<void> {
  while (!holds()) {
    await turns(1);
    const next = clock.sleepers().find((ms) => ms < timeoutMs);
    if (next !== undefined) clock.advance(next);
  }
}
