import type { Recorded } from "@/events/define.ts";
import { approximateBytes, BATCH } from "./batch.ts";

/** Events that this process has just appended, kept for the follower so that it need not read them. */
export interface Handover {
  add(events: readonly Recorded[]): void;
  /** A batch of what follows `position` without a gap; `[]` when it must be read. */
  after(position: number): readonly Recorded[];
  /** Something beyond `position` was appended here, though it is perhaps not kept. */
  isAhead(position: number): boolean;
  /** Forgets what every member has passed. */
  dropUpTo(position: number): void;
}

interface Kept {
  readonly event: Recorded;
  readonly bytes: number;
}

const MAX_EVENTS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;

export function createHandover(): Handover {
  let kept: Kept[] = [];
  let bytes = 0;
  let newest = 0;

  function firstPosition(): number {
    return kept.at(0)?.event.position ?? Infinity;
  }

  return {
    add(appended) {
      const [last, first] = [kept.at(-1)?.event, appended.at(0)];
      // Another process came between, or the follower is too far behind to keep all of it.
      const apart = last !== undefined && first !== undefined &&
        first.position !== last.position + 1;
      if (apart || kept.length > MAX_EVENTS || bytes > MAX_BYTES) [kept, bytes] = [[], 0];
      for (const event of appended) {
        const size = approximateBytes(event.data);
        kept.push({ event, bytes: size });
        bytes += size;
      }
      newest = Math.max(newest, appended.at(-1)?.position ?? 0);
    },
    after(position) {
      const start = position + 1 - firstPosition();
      if (start < 0) return [];
      const batch: Recorded[] = [];
      let size = 0;
      for (let at = start; at < kept.length && batch.length < BATCH.events; at++) {
        const next = kept[at];
        if (next === undefined || size > BATCH.bytes) break;
        batch.push(next.event);
        size += next.bytes;
      }
      return batch;
    },
    isAhead: (position) => newest > position,
    dropUpTo(position) {
      const passed = position + 1 - firstPosition();
      if (passed <= 0) return;
      for (const gone of kept.splice(0, passed)) bytes -= gone.bytes;
    },
  };
}
