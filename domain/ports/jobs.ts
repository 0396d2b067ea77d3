/** Work that a route or a command starts and that runs on by itself. */
export interface Jobs {
  /** Answers at once. Refusal `conflict` while a run with the same key goes on. */
  start(spec: JobSpec): JobStatus;
  find(id: string): JobStatus | undefined;
  list(): readonly JobStatus[];
  /** False when there is no such running job. */
  stop(id: string): boolean;
  /** Stops everything and waits until it has ended. */
  close(): Promise<void>;
}

/** Why a run ends that a person has stopped. */
export class RunStopped extends Error {
  override readonly name = "AbortError";
  constructor(what: string) {
    super(`${what} was stopped`);
  }
}

export interface JobSpec {
  /** e.g. `crawl`, `rebuild`. */
  readonly name: string;
  /** One run at a time for each key. */
  readonly key: string;
  /** Returns counts for the status. */
  run(
    context: { signal: AbortSignal; progress: Progress },
  ): Promise<Readonly<Record<string, unknown>>>;
}

export interface JobStatus {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly status: "running" | "succeeded" | "failed" | "stopped";
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
  readonly label: string;
  /** When the part began that `label` names and `done` counts. */
  readonly phaseStartedAt: Date;
  readonly unit: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly error: string | undefined;
}

import type { Progress } from "./progress.ts";
