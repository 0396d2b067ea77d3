import { z } from "@hono/zod-openapi";
import {
  type CrawlerRunView,
  RUN_STATUSES,
  type RunAttempt,
} from "@/projections/crawler_queries.ts";
import { isoTime } from "./iso_time.ts";

const count = z.int().min(0);
const time = z.iso.datetime();
const failure = {
  error_class: z.string().nullable().openapi({ example: "SchemaChanged" }),
  error_message: z.string().nullable(),
  http_status: z.int().nullable(),
};

const attemptWire = z.object({
  attempt: z.int().min(1),
  status: z.enum(["succeeded", "failed", "timed_out", "crashed"]),
  ...{ started_at: time, finished_at: time, duration_ms: count },
  ...failure,
  response: z.object({ sha256: z.string(), size_bytes: count, href: z.string() }).nullable()
    .openapi({ description: "The answer that was no use, cut to 1 MB, secrets removed." }),
  retry_at: time.nullable().openapi({ description: "When the next one was to begin." }),
});

/** A run on the wire. */
export const runWire = z.object({
  run_id: z.string(),
  source: z.string(),
  venue: z.string(),
  status: z.enum(RUN_STATUSES),
  trigger: z.enum(["schedule", "catch_up", "manual", "after_crash"]),
  scheduled_for: time.nullable().openapi({
    description: "The time of the schedule it stands for.",
  }),
  started_at: time,
  finished_at: time.nullable(),
  attempts: z.array(attemptWire).openapi({ description: "Those that have ended." }),
  rows: count.nullable(),
  bytes: count.nullable(),
  ...failure,
  retry_of: z.string().nullable().openapi({
    description: "The crashed run in whose place it ran.",
  }),
  crashes: count.openapi({ description: "How many crashed in a row before it." }),
}).openapi("CrawlerRun");

export function toRunWire(run: CrawlerRunView): z.infer<typeof runWire> {
  return {
    ...{ run_id: run.runId, source: run.source, venue: run.venue, status: run.status },
    ...{ trigger: run.trigger, scheduled_for: isoTime(run.scheduledFor) },
    started_at: new Date(run.startedAt).toISOString(),
    finished_at: isoTime(run.finishedAt),
    attempts: run.attempts.map((attempt) => toAttemptWire(run.runId, attempt)),
    ...{ rows: run.rows, bytes: run.bytes },
    ...failureOf(run),
    ...{ retry_of: run.retryOf, crashes: run.crashes },
  };
}

function toAttemptWire(runId: string, one: RunAttempt): z.infer<typeof attemptWire> {
  const { attempt, status, response } = one;
  return {
    ...{ attempt, status, duration_ms: one.durationMs },
    started_at: new Date(one.startedAt).toISOString(),
    finished_at: new Date(one.finishedAt).toISOString(),
    ...failureOf(one),
    response: response && {
      ...{ sha256: response.sha256, size_bytes: response.sizeBytes },
      href: `/admin/crawler/runs/${encodeURIComponent(runId)}/response?attempt=${attempt}`,
    },
    retry_at: isoTime(one.retryAt),
  };
}

function failureOf(
  { errorClass, errorMessage, httpStatus }: Pick<
    RunAttempt,
    "errorClass" | "errorMessage" | "httpStatus"
  >,
) {
  return { error_class: errorClass, error_message: errorMessage, http_status: httpStatus };
}
