import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { Refusal } from "@/domain/decider.ts";
import { retry } from "@/domain/retry.ts";
import { failureFields, messageOf } from "../error_message.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";
import type { ArchiveMeter } from "./meter.ts";

/** Periods that one step works on at the same moment: one is read while another is written. */
const CONCURRENCY = 2;

const ATTEMPTS = { attempts: 4, baseMs: 1_000, maxMs: 15_000 } as const;

export interface Step<Place> {
  readonly name: "file" | "rescale" | "drop" | "compact";
  readonly work: (place: Place) => Promise<void>;
}

/**
 * Takes each place through the step, and, one by one beside it, through the one that follows where
 * there is one. What fails is retried, then noted, and the other places go on; throws only what would
 * fail for all of them.
 */
export async function eachPlace<Place extends ArchivePlace>(
  deps: Pick<ArchiveDeps, "clock" | "random" | "log">,
  { run: { signal }, meter }: {
    run: Pick<ArchiveRun, "signal">;
    meter: Pick<ArchiveMeter, "note">;
  },
  places: readonly Place[],
  step: Step<Place>,
  next?: Step<Place>,
): Promise<void> {
  async function succeeds(place: Place, { name, work }: Step<Place>): Promise<boolean> {
    signal.throwIfAborted();
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
  let following: Promise<unknown> = Promise.resolve();
  let isBroken = false;
  const lanes = Array.from({ length: Math.min(CONCURRENCY, places.length) }, async () => {
    for (const place of waiting) {
      if (isBroken) return;
      if (!await succeeds(place, step) || next === undefined) continue;
      following = following.then(() => succeeds(place, next));
      // Thrown below, once all lanes have ended.
      following.catch(() => isBroken = true);
    }
  });
  // Every lane ends before the first failure is thrown: nothing goes on behind the caller's back.
  const ended = [...await Promise.allSettled(lanes), ...await Promise.allSettled([following])];
  for (const lane of ended) if (lane.status === "rejected") throw lane.reason;
}

function isDiskFull(error: unknown): boolean {
  if (error instanceof Refusal) return error.code === "storage_full";
  return error instanceof AdapterError &&
    /ENOSPC|EDQUOT|No space left|disk full/i.test(error.message);
}
