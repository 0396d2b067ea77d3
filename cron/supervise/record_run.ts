import { type CrawlerRun, crawlerRun, type CrawlerRunCommand } from "@/domain/crawler_run.ts";
import { handle } from "@/domain/handle.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { failureFields } from "../error_message.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

const AGAIN_MS = 5_000;

type Deps = Pick<SupervisorDeps, "store" | "clock" | "log">;

/** Records what happened to a run. The same words are the same command: said again they change nothing. */
export async function recordRun(
  { store }: Pick<Deps, "store">,
  command: CrawlerRunCommand,
  actor: string,
): Promise<readonly CrawlerRunEvent[]> {
  const { runId } = command.data;
  const commandId = uuidV5(runId, JSON.stringify(command));
  const meta = { actor, commandId };
  const { events } = await handle({ store }, crawlerRun, {
    ...{ stream: runStream(runId), command, meta },
  });
  return events;
}

/** Waits for as long as the database takes to come back; an abort ends it with the signal's reason. */
export async function recordRunLater(
  deps: Deps,
  command: CrawlerRunCommand,
  { actor, signal, onOutage }: {
    readonly actor: string;
    readonly signal: AbortSignal;
    /** Called once, at the first attempt that failed. */
    readonly onOutage?: (() => void) | undefined;
  },
): Promise<readonly CrawlerRunEvent[]> {
  for (let attempt = 1;; attempt++) {
    try {
      return await recordRun(deps, command, actor);
    } catch (error) {
      if (!(error instanceof DatabaseError && error.retryable)) throw error;
      deps.log.warn("cannot record a run yet", failureFields(error));
      if (attempt === 1) onOutage?.();
      await deps.clock.sleep(AGAIN_MS, signal);
    }
  }
}

export function runStream(runId: string): string {
  return `crawler_run-${runId}`;
}

/** How a run stands by its own stream. */
export async function readRun(
  { store }: Pick<Deps, "store">,
  runId: string,
): Promise<CrawlerRun> {
  const { events } = await store.readStream<CrawlerRunEvent>(runStream(runId));
  return events.reduce<CrawlerRun>(
    (state, event) => crawlerRun.evolve(state, event),
    crawlerRun.initial,
  );
}
