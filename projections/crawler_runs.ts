import { bigint, boolean, index, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { RUN_STATUS } from "@/domain/crawler_run.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { byteText } from "./byte_text.ts";
import type { CrawlerRunView, RunAttempt, RunStatus } from "./crawler_queries.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 2;
const NAME = `crawler_runs_v${VERSION}`;
/** Events hold any whole number, which an `integer` or a `timestamptz` would not. */
const whole = (name: string) => bigint(name, { mode: "number" });
export const crawlerRunsTable = pgTable(NAME, {
  runId: byteText("run_id").primaryKey(),
  source: text("source").notNull(),
  venue: text("venue").notNull(),
  status: text("status").$type<RunStatus>().notNull(),
  trigger: text("trigger").$type<CrawlerRunView["trigger"]>().notNull(),
  scheduledFor: whole("scheduled_for"),
  startedAt: whole("started_at").notNull(),
  finishedAt: whole("finished_at"),
  attempts: jsonb("attempts").$type<readonly RunAttempt[]>().notNull(),
  /** Of the attempt that ended it; null where nobody knows: it runs, crashed or was skipped. */
  durationMs: whole("duration_ms"),
  rows: whole("rows"),
  bytes: whole("bytes"),
  errorClass: text("error_class"),
  errorMessage: text("error_message"),
  httpStatus: whole("http_status"),
  retryOf: text("retry_of"),
  crashes: whole("crashes").notNull(),
  /** It crashed because the service was stopped in order: no failure of anything. */
  stopped: boolean("stopped").notNull(),
}, (table) => [
  index(`${NAME}_started`).on(table.startedAt, table.runId),
  index(`${NAME}_source`).on(table.source, table.startedAt, table.runId),
  index(`${NAME}_status`).on(table.status, table.startedAt, table.runId),
  index(`${NAME}_finished`).on(table.finishedAt),
]);
export type CrawlerRunRow = typeof crawlerRunsTable.$inferSelect;

type EventOf<T extends CrawlerRunEvent["type"]> = Extract<CrawlerRunEvent, { type: T }>;
type Failed = EventOf<"CrawlerAttempted" | "CrawlerFailed" | "CrawlerTimedOut">;
type Crashed = EventOf<"CrawlerCrashed">;

/** One row a run of a crawler, with its attempts. Its first end stays. */
export const crawlerRuns: RowProjection<CrawlerRunEvent, CrawlerRunRow> = {
  kind: "rows",
  name: "crawler_runs",
  version: VERSION,
  table: crawlerRunsTable,
  oneStream: true,
  keys: ({ data }) => [data.runId],
  on: {
    CrawlerRunStarted: (row, { data }) => row ?? begun(data, { startedAt: data.startedAt }),
    CrawlerSkipped: (row, { data }) =>
      row ?? {
        ...begun({ ...data, retryOf: null, crashes: 0 }, { startedAt: data.skippedAt }),
        ...{ status: "skipped", finishedAt: data.skippedAt },
        ...{ errorClass: "Skipped", errorMessage: data.reason },
      },
    CrawlerAttempted: (row, event) => isOpen(row) ? failedOnce(row, event) : row,
    CrawlerSucceeded: (row, { data }) => {
      if (!isOpen(row)) return row;
      const { attempt, startedAt, finishedAt, durationMs, rows, bytes } = data;
      const last: RunAttempt = {
        ...{ attempt, status: "succeeded", startedAt, finishedAt, durationMs },
        ...{ errorClass: null, errorMessage: null, httpStatus: null },
        ...{ response: null, retryAt: null },
      };
      const attempts = [...row.attempts, last];
      return {
        ...{ ...row, status: "succeeded", finishedAt, attempts, durationMs, rows, bytes },
        ...{ errorClass: null, errorMessage: null, httpStatus: null },
      };
    },
    CrawlerFailed: failedForGood,
    CrawlerTimedOut: failedForGood,
    CrawlerCrashed: (row, event) => {
      if (!isOpen(row)) return row;
      const { finishedAt, stopped } = event.data;
      return { ...tried(row, crashedAttempt(row, event)), status: "crashed", finishedAt, stopped };
    },
  },
};

/** What people are told of a failed run that has no error of its own. */
export function crashError({ data }: Crashed): { errorClass: string; errorMessage: string } {
  const errorMessage = data.stopped
    ? "The service was stopped"
    : data.leaseUntil === null
    ? "The process that ran it has ended"
    : "Whoever ran it was not heard of until its lease ran out";
  return { errorClass: "Crashed", errorMessage };
}

function begun(
  { runId, source, venue, trigger, scheduledFor, retryOf, crashes }: Pick<
    CrawlerRunRow,
    "runId" | "source" | "venue" | "trigger" | "scheduledFor" | "retryOf" | "crashes"
  >,
  { startedAt }: { startedAt: number },
): CrawlerRunRow {
  return {
    ...{ runId, source, venue, status: "running", trigger, scheduledFor, startedAt },
    ...{ finishedAt: null, attempts: [], durationMs: null, rows: null, bytes: null },
    ...{ errorClass: null, errorMessage: null, httpStatus: null },
    ...{ retryOf, crashes, stopped: false },
  };
}

function failedForGood(
  row: CrawlerRunRow | undefined,
  event: EventOf<"CrawlerFailed" | "CrawlerTimedOut">,
): CrawlerRunRow | undefined {
  if (!isOpen(row)) return row;
  const { finishedAt, durationMs } = event.data;
  const status = RUN_STATUS[event.type];
  return { ...failedOnce(row, event), status, finishedAt, durationMs };
}

function failedOnce(row: CrawlerRunRow, event: Failed): CrawlerRunRow {
  const { rows, bytes } = event.data;
  return { ...tried(row, failedAttempt(event)), rows, bytes };
}

function tried(row: CrawlerRunRow, attempt: RunAttempt): CrawlerRunRow {
  const { errorClass, errorMessage, httpStatus } = attempt;
  return { ...row, attempts: [...row.attempts, attempt], errorClass, errorMessage, httpStatus };
}

function failedAttempt(event: Failed): RunAttempt {
  const { attempt, startedAt, finishedAt, durationMs, ...data } = event.data;
  const { errorClass, errorMessage, httpStatus, response } = data;
  const retryAt = event.type === "CrawlerAttempted" ? event.data.retryAt : null;
  return {
    ...{ attempt, status: attemptStatus(event), startedAt, finishedAt, durationMs },
    ...{ errorClass, errorMessage, httpStatus, response, retryAt },
  };
}

/** Of an attempt that another one followed its error's class alone tells how it ended. */
function attemptStatus({ type, data }: Failed): "failed" | "timed_out" {
  if (type !== "CrawlerAttempted") return RUN_STATUS[type];
  return data.errorClass === "Timeout" ? "timed_out" : "failed";
}

/** It began when it was due after the one before; where that is after the crash, it never did. */
function crashedAttempt({ attempts }: CrawlerRunRow, event: Crashed): RunAttempt {
  const { attempt, finishedAt } = event.data;
  const due = attempts.at(-1)?.retryAt ?? event.data.startedAt;
  const startedAt = Math.min(due, finishedAt);
  return {
    ...{ attempt, status: "crashed", startedAt, finishedAt, durationMs: finishedAt - startedAt },
    ...{ ...crashError(event), httpStatus: null, response: null, retryAt: null },
  };
}

function isOpen(row: CrawlerRunRow | undefined): row is CrawlerRunRow {
  return row?.status === "running";
}
