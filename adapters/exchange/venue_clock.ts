import type { Clock } from "@/domain/ports/clock.ts";
import { untilAborted } from "../until_aborted.ts";

export interface VenueClockOptions {
  readonly clock: Clock;
  /** Asks the venue, epoch ms; undefined where it has no such question. */
  readonly ask: (() => Promise<number>) | undefined;
  /** Makes any request, for its Date header. */
  readonly knock: () => Promise<unknown>;
}

export interface VenueClock {
  time(signal?: AbortSignal): Promise<number>;
  /** Venue's clock minus ours, as an answer showed it. */
  seen(offsetMs: number): void;
}

const MEASURE_EVERY_MS = 5 * 60_000;

/** The venue's clock: ours and the difference, measured again every few minutes. */
export function createVenueClock({ clock, ask, knock }: VenueClockOptions): VenueClock {
  let measured: { readonly offsetMs: number; readonly at: number } | undefined;
  let byHeader: number | undefined;
  let measuring: Promise<void> | undefined;

  async function measure(question: () => Promise<number>): Promise<void> {
    const sentAt = clock.now();
    const answer = await question();
    const receivedAt = clock.now();
    measured = { offsetMs: answer - (sentAt + receivedAt) / 2, at: receivedAt };
  }

  return {
    async time(signal) {
      if (ask === undefined) {
        if (byHeader === undefined) await untilAborted(knock(), signal);
        return Math.floor(clock.now() + (byHeader ?? 0));
      }
      const age = clock.now() - (measured?.at ?? -Infinity);
      // A negative age: our clock was set back, and the difference with it.
      if (age < 0 || age >= MEASURE_EVERY_MS) {
        measuring ??= measure(ask).finally(() => measuring = undefined);
        try {
          await untilAborted(measuring, signal);
        } catch (error) {
          if (measured === undefined || signal?.aborted) throw error;
        }
      }
      return Math.floor(clock.now() + (measured?.offsetMs ?? 0));
    },
    seen(offsetMs) {
      byHeader = offsetMs;
    },
  };
}
