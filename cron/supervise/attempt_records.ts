import type { CrawlerRunCommand, EndedAttempt } from "@/domain/crawler_run.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { recordRunLater } from "./record_run.ts";
import type { OwnRun, SupervisorDeps } from "./supervisor_deps.ts";

/** Records how the attempts of one run ended, in order, for as long as the database takes. */
export interface AttemptRecords {
  /**
   * Resolves when it is recorded. Of an attempt that another one follows also when the database is
   * found to be away: its record waits, the run goes on. People are told of the last one at once.
   */
  note(ended: EndedAttempt): Promise<void>;
  /** Resolves when nothing waits any more, also where records were refused. */
  settled(): Promise<void>;
}

export interface AttemptRecordsOptions {
  readonly run: OwnRun;
  /** What still waits when it is aborted is not recorded. */
  readonly signal: AbortSignal;
  /** Hears why a record could not be made, e.g. that the run was closed by somebody else. */
  readonly onRefused: (error: unknown) => void;
}

export function createAttemptRecords(
  deps: SupervisorDeps,
  { run, signal, onRefused }: AttemptRecordsOptions,
): AttemptRecords {
  const { runId, source, actor } = run;
  const venue = source.venue ?? source.name;
  let recorded = Promise.resolve();
  let isAway = false;
  let away = Promise.withResolvers<void>();

  async function record(ended: EndedAttempt, told: Told): Promise<void> {
    const command: CrawlerRunCommand = { type: "EndAttempt", data: ended };
    const events = await recordRunLater(deps, command, {
      ...{ actor, signal },
      onOutage() {
        isAway = true;
        away.resolve();
        told.unrecorded();
      },
    });
    if (isAway) [isAway, away] = [false, Promise.withResolvers<void>()];
    told.tell(events);
    deps.log.debug("attempt ended", { source: source.name, run: runId, attempt: ended.attempt });
  }

  /** Each end is told once, be it before its record. */
  function teller(ended: EndedAttempt): Told {
    let isTold = false;
    const tell = (events: readonly CrawlerRunEvent[]) => {
      if (!isTold) events.forEach((event) => deps.onEnded?.(event));
      isTold = true;
    };
    const last = unrecorded(ended, { source: source.name, venue });
    return { tell, unrecorded: () => last !== undefined && tell([last]) };
  }

  return {
    async note(ended) {
      const told = teller(ended);
      if (isAway) told.unrecorded();
      const mine = recorded.then(() => record(ended, told));
      recorded = mine;
      mine.catch(onRefused);
      await (canWait(ended) ? Promise.race([mine, away.promise]) : mine);
    },
    settled: () => recorded.catch(() => {}),
  };
}

interface Told {
  tell(events: readonly CrawlerRunEvent[]): void;
  /** That the database cannot be told of it yet. */
  unrecorded(): void;
}

/** The run goes on, and the next attempt may come right without a database that is away. */
function canWait({ outcome }: EndedAttempt): boolean {
  return outcome.status !== "succeeded" && outcome.retryAt !== null &&
    outcome.errorClass !== "DatabaseError";
}

/** What will be recorded of an end for good; undefined of an attempt that is not the last. */
function unrecorded(
  { runId, attempt, startedAt, finishedAt, outcome }: EndedAttempt,
  of: { readonly source: string; readonly venue: string },
): CrawlerRunEvent | undefined {
  if (outcome.status === "succeeded" || outcome.retryAt !== null) return undefined;
  const { status, retryAt: _, ...failure } = outcome;
  const durationMs = Math.max(0, finishedAt - startedAt);
  const data = { runId, ...of, attempt, startedAt, finishedAt, durationMs, ...failure };
  return { type: status === "failed" ? "CrawlerFailed" : "CrawlerTimedOut", data };
}
