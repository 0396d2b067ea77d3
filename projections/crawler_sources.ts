import { bigint, jsonb, pgTable } from "drizzle-orm/pg-core";
import { NO_ALERTS, noteAlert, noteRun, type SourceAlerts } from "@/domain/alerts/rules.ts";
import { RUN_STATUS } from "@/domain/crawler_run.ts";
import { addRun, emptyDay, type SourceDay } from "@/domain/reports/source_day.ts";
import type { AlertEvent } from "@/events/catalog/alert.ts";
import type { CrawlerEvent, CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { byteText } from "./byte_text.ts";
import type { SourceRecord } from "./crawler_queries.ts";
import { crashError } from "./crawler_runs.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 3;
const time = (name: string) => bigint(name, { mode: "number" });
export const crawlerSourcesTable = pgTable(`crawler_sources_v${VERSION}`, {
  source: byteText("source").primaryKey(),
  /** Null while it is not. */
  paused: jsonb("paused").$type<{ readonly reason: string; readonly since: number } | null>(),
  alerts: jsonb("alerts").$type<SourceAlerts>().notNull(),
  lastRunAt: time("last_run_at"),
  lastSkippedAt: time("last_skipped_at"),
  lastSuccessAt: time("last_success_at"),
  lastFailureAt: time("last_failure_at"),
  lastStatus: byteText("last_status").$type<Exclude<SourceRecord["lastStatus"], null>>(),
  lastError: jsonb("last_error").$type<SourceRecord["lastError"]>(),
  /** Of all its runs that ever ended. */
  totals: jsonb("totals").$type<SourceDay>().notNull(),
});
export type CrawlerSourceRow = typeof crawlerSourcesTable.$inferSelect;

/** Events of runs after which people know something new of the source. */
type SourceRunEvent = Exclude<CrawlerRunEvent, { type: "CrawlerAttempted" }>;
type AlertRaised = Extract<AlertEvent, { type: "AlertRaised" }>;
export type SourceEvent = SourceRunEvent | CrawlerEvent | AlertRaised;
type Failed = Extract<SourceRunEvent, { type: "CrawlerFailed" | "CrawlerTimedOut" }>;
type Crashed = Extract<SourceRunEvent, { type: "CrawlerCrashed" }>;

/** One row a crawler: what became of it last, and what people are still to be told. */
export const crawlerSources: RowProjection<SourceEvent, CrawlerSourceRow> = {
  kind: "rows",
  name: "crawler_sources",
  version: VERSION,
  table: crawlerSourcesTable,
  // A report's source is no crawler.
  keys: ({ type, data }) => type === "AlertRaised" && data.kind === "report" ? [] : [data.source],
  on: {
    CrawlerPaused: (row, { data, at }) => ({
      ...(row ?? unknown(data)),
      paused: { reason: data.reason, since: row?.paused?.since ?? at.getTime() },
    }),
    CrawlerResumed: (row) => row && { ...row, paused: null },
    CrawlerRunStarted: (row, { data }) => ({
      ...(row ?? unknown(data)),
      lastRunAt: data.startedAt,
    }),
    CrawlerSkipped: (row, event) => ({
      ...noted(row, event),
      lastSkippedAt: event.data.skippedAt,
    }),
    CrawlerSucceeded: (row, event) => ({
      ...noted(row, event),
      ...{ lastSuccessAt: event.data.finishedAt, lastStatus: "succeeded" },
    }),
    CrawlerFailed: failed,
    CrawlerTimedOut: failed,
    CrawlerCrashed: (row, event) => event.data.stopped ? row : failed(row, event),
    AlertRaised: (row, { data }) => {
      const before = row ?? unknown(data);
      return { ...before, alerts: noteAlert(before.alerts, data) };
    },
  },
};

function failed(row: CrawlerSourceRow | undefined, event: Failed | Crashed): CrawlerSourceRow {
  const { errorClass, errorMessage } = event.type === "CrawlerCrashed"
    ? crashError(event)
    : event.data;
  return {
    ...noted(row, event),
    ...{ lastFailureAt: event.data.finishedAt, lastStatus: RUN_STATUS[event.type] },
    lastError: { errorClass, errorMessage },
  };
}

function noted(row: CrawlerSourceRow | undefined, event: SourceRunEvent): CrawlerSourceRow {
  const before = row ?? unknown(event.data);
  const { alerts, totals } = before;
  return { ...before, alerts: noteRun(alerts, event), totals: addRun(totals, event) };
}

function unknown({ source }: { source: string }): CrawlerSourceRow {
  return {
    ...{ source, paused: null, alerts: NO_ALERTS },
    ...{ lastRunAt: null, lastSkippedAt: null, lastSuccessAt: null, lastFailureAt: null },
    ...{ lastStatus: null, lastError: null, totals: emptyDay(source) },
  };
}
