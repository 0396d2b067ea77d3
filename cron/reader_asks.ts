import type { Clock } from "@/domain/ports/clock.ts";

/** A question that somebody who reads would like to have answered. */
export interface ReaderAsk {
  /** When it was last asked, epoch ms; 0 for never. */
  readonly askedAt: number;
  /** From then on nobody waits for it. */
  wantedUntil: number;
  /** Never throws. */
  ask(): Promise<void>;
}

/** Asks, or drops what nobody wants any more; resolves then. */
export type ReaderAsks = (venue: string, ask: ReaderAsk) => Promise<void>;

/** With a venue at one time: a crawl must find room beside them. */
const MOST_WITH_VENUE = 4;

interface Waiting {
  readonly ask: ReaderAsk;
  readonly done: () => void;
}

/** Bounds what readers ask of a venue: few at one time, what was asked longest ago first. */
export function createReaderAsks(clock: Pick<Clock, "now">): ReaderAsks {
  const venues = new Map<string, { busy: number; readonly waiting: Set<Waiting> }>();

  function pump(venue: string): void {
    const state = venues.get(venue);
    if (state === undefined) return;
    for (const one of state.waiting) {
      if (one.ask.wantedUntil >= clock.now()) continue;
      state.waiting.delete(one);
      one.done();
    }
    while (state.busy < MOST_WITH_VENUE && state.waiting.size > 0) {
      const next = [...state.waiting].reduce((a, b) => b.ask.askedAt < a.ask.askedAt ? b : a);
      state.waiting.delete(next);
      state.busy++;
      void next.ask.ask().finally(() => {
        state.busy--;
        next.done();
        pump(venue);
      });
    }
  }

  return (venue, ask) =>
    new Promise((done) => {
      const state = venues.get(venue) ?? { busy: 0, waiting: new Set() };
      venues.set(venue, state);
      state.waiting.add({ ask, done });
      // Those who ask at the same moment are chosen among.
      queueMicrotask(() => pump(venue));
    });
}
