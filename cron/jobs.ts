import { Refusal } from "@/domain/decider.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { type Jobs, type JobSpec, type JobStatus, RunStopped } from "@/domain/ports/jobs.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import { failureFields, messageOf } from "./error_message.ts";

export interface JobsOptions {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  /** Finished runs that can still be looked up. */
  readonly keep?: number | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Run {
  readonly status: Mutable<JobStatus>;
  readonly controller: AbortController;
  ended: Promise<void>;
}

const KEEP = 200;

/** Work of this process, by id; ends with it. */
export function createJobs({ clock, log, keep = KEEP }: JobsOptions): Jobs {
  /** In the order they were started. */
  const runs = new Map<string, Run>();
  let closed = false;

  function forgetOldest(): void {
    const finished = [...runs.values()].filter(({ status }) => status.status !== "running");
    for (const { status } of finished.slice(0, Math.max(0, finished.length - keep))) {
      runs.delete(status.id);
    }
  }

  async function run({ status, controller }: Run, spec: JobSpec): Promise<void> {
    const { signal } = controller;
    const fields = { job: spec.name, key: spec.key };
    try {
      status.result = await spec.run({ signal, progress: progressOf(status, clock) });
      status.status = "succeeded";
      const ms = clock.now() - status.startedAt.getTime();
      log.info("job finished", { ...fields, ms, ...status.result });
    } catch (error) {
      status.status = signal.aborted ? "stopped" : "failed";
      status.error = messageOf(error);
      if (status.status === "failed") {
        log.error("job failed", { ...fields, ...failureFields(error) });
      }
    } finally {
      status.finishedAt = new Date(clock.now());
      forgetOldest();
    }
  }

  function refuse(key: string): void {
    if (closed) throw new Refusal("unavailable", "Cannot start a job: the service is stopping");
    const busy = [...runs.values()].find(({ status }) =>
      status.key === key && status.status === "running"
    );
    if (busy === undefined) return;
    const { name, id } = busy.status;
    throw new Refusal("conflict", `Cannot start job ${name}: one like it runs as job ${id}`, {
      details: [{ field: "job_id", message: id }],
    });
  }

  return {
    start(spec) {
      refuse(spec.key);
      const startedAt = new Date(clock.now());
      const status: Mutable<JobStatus> = {
        ...{ id: crypto.randomUUID(), name: spec.name, key: spec.key, status: "running" },
        ...{ startedAt, phaseStartedAt: startedAt, finishedAt: undefined },
        ...{ label: spec.name, unit: "", done: 0, total: undefined },
        ...{ result: undefined, error: undefined },
      };
      const started: Run = { status, controller: new AbortController(), ended: Promise.resolve() };
      runs.set(status.id, started);
      started.ended = run(started, spec);
      return { ...status };
    },
    find(id) {
      const found = runs.get(id);
      return found && { ...found.status };
    },
    list: () => [...runs.values()].map(({ status }) => ({ ...status })).reverse(),
    stop(id) {
      const found = runs.get(id);
      if (found?.status.status !== "running") return false;
      found.controller.abort(new RunStopped(`Job ${id}`));
      return true;
    },
    async close() {
      closed = true;
      const reason = new DOMException("The service is stopping", "AbortError");
      for (const { controller } of runs.values()) controller.abort(reason);
      await Promise.all([...runs.values()].map(({ ended }) => ended));
    },
  };
}

function progressOf(status: Mutable<JobStatus>, clock: Pick<Clock, "now">): Progress {
  return {
    start(label, { unit, total }) {
      const phaseStartedAt = new Date(clock.now());
      Object.assign(status, { label, unit, total, done: 0, phaseStartedAt });
    },
    advance(by) {
      status.done += by;
    },
    total(total) {
      status.total = total;
    },
    note() {},
    finish() {},
  };
}
