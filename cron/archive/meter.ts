import type { ArchiveEvent, ArchiveProblem } from "@/events/catalog/archive.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { ArchiveRun } from "./archive_deps.ts";

type Data<T extends ArchiveEvent["type"]> = Extract<ArchiveEvent, { type: T }>["data"];
export type ArchiveDone = Omit<Data<"ArchiveRunProgressed">, "runId">;

/** Counts what a run does and tells the log: at the start, now and then, and at the end. */
export interface ArchiveMeter {
  readonly done: ArchiveDone;
  readonly problems: readonly ArchiveProblem[];
  start(wanted: Omit<Data<"ArchiveRunStarted">, "runId">): Promise<void>;
  add(more: Partial<ArchiveDone>): Promise<void>;
  note(problem: ArchiveProblem): void;
  finish(status: Data<"ArchiveRunFinished">["status"]): Promise<void>;
}

const NOTHING_DONE: ArchiveDone = {
  ...{ periodsFiled: 0, rowsFiled: 0, bytesBefore: 0, bytesAfter: 0, rowsDropped: 0 },
  ...{ bytesCompacted: 0, blobsDeleted: 0, bytesFreed: 0 },
};

const TELL_EVERY_MS = 10_000;
const TOLD_PROBLEMS = 100;

export function createMeter(
  { store, clock }: { readonly store: EventStore; readonly clock: Pick<Clock, "now"> },
  { runId, actor }: Pick<ArchiveRun, "runId" | "actor">,
): ArchiveMeter {
  let done = NOTHING_DONE;
  const problems: ArchiveProblem[] = [];
  let told = 0;
  let toldAt = clock.now();

  /** Only this run writes its stream, so any version will do. */
  async function tell(event: ArchiveEvent): Promise<void> {
    toldAt = clock.now();
    const write = { stream: `archive-${runId}`, expected: "any", events: [event] } as const;
    await store.append([write], { actor, commandId: uuidV5(runId, `tell/${told++}`) });
  }

  return {
    get done() {
      return done;
    },
    problems,
    start: (wanted) => tell({ type: "ArchiveRunStarted", data: { runId, ...wanted } }),
    async add(more) {
      const sum = (name: keyof ArchiveDone) => done[name] + (more[name] ?? 0);
      done = {
        ...{ periodsFiled: sum("periodsFiled"), rowsFiled: sum("rowsFiled") },
        ...{ bytesBefore: sum("bytesBefore"), bytesAfter: sum("bytesAfter") },
        ...{ rowsDropped: sum("rowsDropped"), bytesCompacted: sum("bytesCompacted") },
        ...{ blobsDeleted: sum("blobsDeleted"), bytesFreed: sum("bytesFreed") },
      };
      if (clock.now() - toldAt < TELL_EVERY_MS) return;
      await tell({ type: "ArchiveRunProgressed", data: { runId, ...done } });
    },
    note: (problem) => void problems.push(problem),
    finish: (status) =>
      tell({
        type: "ArchiveRunFinished",
        data: {
          ...{ runId, status, ...done },
          problems: problems.slice(0, TOLD_PROBLEMS),
          problemsTotal: problems.length,
        },
      }),
  };
}
