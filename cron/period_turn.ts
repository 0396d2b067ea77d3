import type { KlineEvent } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import { type IngestRun, partId, type PartOutcome } from "./ingest_run.ts";
import type { PeriodDeps } from "./period_deps.ts";
import { klineStream } from "./period_state.ts";
import { untilDecided } from "./until_decided.ts";

interface Turn<T> {
  readonly period: string;
  /** Throws VersionConflict when another instance came first. */
  readonly attempt: (commandId: string) => Promise<T>;
}

/** One part of an ingest in its turn among the writers to the period; a repeat finds what it recorded. */
export async function inTurn<T>(
  { store, turns }: PeriodDeps,
  run: IngestRun,
  { period, attempt }: Turn<T>,
): Promise<PartOutcome | T> {
  const commandId = partId(run, period);
  let isNew = run.isNew === true;
  const attemptOnce = async () => {
    if (isNew) {
      isNew = false;
      return await attempt(commandId);
    }
    const done = trusted<(KlineEvent & { position: number })[]>(
      await store.findCommand(commandId),
    );
    if (done.length > 0) return outcomeOf(done, done.at(-1)?.position ?? 0);
    return await attempt(commandId);
  };
  const stream = klineStream(run.seriesId, period);
  return await turns(stream, () => untilDecided(attemptOnce, run.signal));
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
