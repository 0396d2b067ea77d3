import { z } from "zod";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Counts, Work } from "@/domain/ports/installation.ts";
import { type ApiClient, type ApiRequest, GO_ON } from "./api_client.ts";

export interface RemoteJob {
  /** Where it is started by POST. */
  readonly path: string;
  readonly body?: NonNullable<ApiRequest["body"]>;
  readonly clock: Clock;
}

/** Often enough for a bar that moves. */
const POLL_MS = 500;

const startedSchema = z.object({ job_id: z.string().nullable() });

const jobSchema = z.object({
  name: z.string(),
  status: z.enum(["running", "succeeded", "failed", "stopped"]),
  label: z.string(),
  unit: z.string(),
  done: z.number(),
  total: z.number().nullish(),
  result: z.record(z.string(), z.unknown()).nullish(),
  error: z.string().nullish(),
});

/** Starts a job of the running installation, shows how far it is, and stops it when we are stopped. */
export async function followJob(
  client: ApiClient,
  { path, body, clock }: RemoteJob,
  { signal, progress }: Work,
): Promise<Counts> {
  const request = {
    method: "POST",
    path,
    signal,
    ...(body === undefined ? {} : { body }),
  } as const;
  const { job_id: id } = await client.data(request, startedSchema);
  if (id === null) throw lost(path);
  const jobPath = `/admin/jobs/${encodeURIComponent(id)}`;
  let shown = { label: "", done: 0, total: 0 };
  try {
    for (;;) {
      const job = await client.data({ method: "GET", path: jobPath, signal }, jobSchema)
        .catch((error) => Promise.reject(isForgotten(error) ? lost(path) : error));
      if (job.unit !== "" && job.label !== shown.label) {
        progress.start(job.label, { unit: job.unit, total: job.total ?? undefined });
        shown = { label: job.label, done: 0, total: job.total ?? 0 };
      }
      const total = job.total ?? 0;
      if (total !== shown.total) progress.total(total);
      progress.advance(job.done - shown.done);
      shown = { label: job.label, done: job.done, total };
      if (job.status === "succeeded") {
        progress.finish();
        return job.result ?? {};
      }
      if (job.status !== "running") throw unfinished(job, path);
      await clock.sleep(POLL_MS, signal);
    }
  } catch (error) {
    if (signal.aborted) await stopJob(client, jobPath);
    throw error;
  }
}

/** Best effort: the job may have ended, and we are going anyway. */
async function stopJob(client: ApiClient, path: string): Promise<void> {
  const response = await client.send({ method: "DELETE", path }).catch(() => undefined);
  await response?.body?.cancel();
}

/** Jobs live as long as the process that runs them. */
function isForgotten(error: unknown): boolean {
  return error instanceof Refusal && error.code === "not_found";
}

function lost(path: string): AdapterError {
  return new AdapterError("The running installation was started anew meanwhile", {
    ...{ port: "remote", op: `POST ${path}`, retryable: true, hint: GO_ON },
  });
}

function unfinished(
  { name, status, error }: Pick<z.infer<typeof jobSchema>, "name" | "status" | "error">,
  path: string,
): AdapterError {
  const stopped = status === "stopped";
  const ended = `Job ${name} ${stopped ? "was stopped" : "failed"}`;
  const why = error === null || error === undefined
    ? ""
    : `: ${error.replace(/^Cannot /, "cannot ")}`;
  return new AdapterError(`${ended}${why}`, {
    ...{ port: "remote", op: `POST ${path}`, retryable: false, hint: stopped ? GO_ON : undefined },
  });
}
