import type { KlineEvent } from "@/events/catalog/klines.ts";
import { VersionConflict } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";
import { type IngestRun, partId, type PartOutcome, type PeriodDeps } from "./ingest_run.ts";
import { klineStream } from "./period_state.ts";

interface Turn<T> {
  readonly period: string;
  /** Throws VersionConflict when another instance came first. */
  readonly attempt: (commandId: string) => Promise<T>;
}

const MAX_CONFLICTS = 10;

/** One part of an ingest in its turn among the writers to the period; a repeat finds what it recorded. */
export async function inTurn<T>(
  { store, turns }: PeriodDeps,
  run: IngestRun,
  { period, attempt }: Turn<T>,
): Promise<PartOutcome | T> {
  const commandId = partId(run, period);
  return await turns(klineStream(run.seriesId, period), async () => {
    for (let conflicts = 0;; conflicts++) {
      run.signal?.throwIfAborted();
      const done = trusted<(KlineEvent & { position: number })[]>(
        await store.findCommand(commandId),
      );
      if (done.length > 0) return outcomeOf(done, done.at(-1)?.position ?? 0);
      try {
        return await attempt(commandId);
      } catch (error) {
        if (!(error instanceof VersionConflict) || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  });
}

function outcomeOf(events: readonly KlineEvent[], position: number): PartOutcome {
  for (const { type, data } of events) {
    if (type === "KlinesRecorded" || type === "KlinesArchived") {
      const { ingested, revised, unchanged, heldBetter } = data;
      return { ingested, revised, unchanged, heldBetter, position };
    }
  }
  return { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, position };
}
