import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { Refusal } from "@/domain/decider.ts";
import { retry } from "@/domain/retry.ts";
import { failureFields, messageOf } from "../error_message.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";
import type { ArchiveMeter } from "./meter.ts";

/** Periods worked on at the same moment: one is read while another is written. */
const CONCURRENCY = 2;

const ATTEMPTS = { attempts: 4, baseMs: 1_000, maxMs: 15_000 } as const;

export interface Step<Place> {
  readonly name: "file" | "rescale" | "drop" | "compact";
  readonly work: (place: Place) => Promise<void>;
}

/**
 * Takes each place through the steps, one after the other. What fails is retried, then noted, and the
 * other places go on; throws only what would fail for all of them.
 */
export async function eachPlace<Place extends ArchivePlace>(
  deps: ArchiveDeps,
  { run: { signal }, meter }: { run: ArchiveRun; meter: ArchiveMeter },
  places: readonly Place[],
  ...steps: readonly Step<Place>[]
): Promise<void> {
  async function succeeds(place: Place, { name, work }: Step<Place>): Promise<boolean> {
    try {
      await retry(() => work(place), { ...deps, ...ATTEMPTS, signal });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const { seriesId, period } = place;
      deps.log.error(`cannot ${name} a period`, { seriesId, period, ...failureFields(error) });
      meter.note({ seriesId, period, step: name, message: messageOf(error) });
      if (isDiskFull(error)) throw error;
      return false;
    }
  }
  const waiting = places.values();
  const lanes = Array.from({ length: Math.min(CONCURRENCY, places.length) }, async () => {
    for (const place of waiting) {
      for (const step of steps) {
        signal.throwIfAborted();
        if (!await succeeds(place, step)) break;
      }
    }
  });
  // Every lane ends before the first failure is thrown: nothing goes on behind the caller's back.
  const ended = await Promise.allSettled(lanes);
  for (const lane of ended) if (lane.status === "rejected") throw lane.reason;
}

function isDiskFull(error: unknown): boolean {
  if (error instanceof Refusal) return error.code === "storage_full";
  return error instanceof AdapterError &&
    /ENOSPC|EDQUOT|No space left|disk full/i.test(error.message);
}
