import type { Recorded } from "@/events/define.ts";

/** Events that this process has just appended, kept for the follower so that it need not read them. */
export interface Handover {
  add(events: readonly Recorded[]): void;
  /** What follows `position` without a gap; `[]` when it must be read. */
  after(position: number): readonly Recorded[];
  /** Something beyond `position` is here, though perhaps not what follows it. */
  isAhead(position: number): boolean;
  /** Forgets what every member has passed. */
  dropUpTo(position: number): void;
}

const MAX_EVENTS = 10_000;

export function createHandover(): Handover {
  let events: Recorded[] = [];
  return {
    add(appended) {
      const [last, first] = [events.at(-1), appended.at(0)];
      // Another process came between, or the follower is too far behind to keep all of it.
      const apart = last !== undefined && first !== undefined &&
        first.position !== last.position + 1;
      if (apart || events.length > MAX_EVENTS) events = [];
      events.push(...appended);
    },
    after(position) {
      const first = events.at(0)?.position ?? Infinity;
      return position + 1 < first ? [] : events.slice(position + 1 - first);
    },
    isAhead: (position) => (events.at(-1)?.position ?? 0) > position,
    dropUpTo(position) {
      const first = events.at(0)?.position ?? Infinity;
      if (position >= first) events.splice(0, position + 1 - first);
    },
  };
}
