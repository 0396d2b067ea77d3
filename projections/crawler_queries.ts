import type { SourceAlerts } from "@/domain/alerts/rules.ts";
import type { Breaker } from "@/domain/crawlers/breaker.ts";
import type { SourceDay } from "@/domain/reports/source_day.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import type { BlobRef } from "@/events/blobs/blobs.ts";

export const RUN_STATUSES = [
  ...["running", "succeeded", "failed", "timed_out", "crashed", "skipped"] as const,
] as const;
export type RunStatus = typeof RUN_STATUSES[number];

/** One try of a run; times are epoch ms. */
export interface RunAttempt {
  /** From 1. */
  readonly attempt: number;
  readonly status: "succeeded" | "failed" | "timed_out" | "crashed";
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly durationMs: number;
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  readonly httpStatus: number | null;
  /** The answer that was no use, as a blob. */
  readonly response: BlobRef | null;
  /** When the next one was to begin; null of the last. */
  readonly retryAt: number | null;
}

/** One run of a crawler, from its start to its one end. */
export interface CrawlerRunView {
  readonly runId: string;
  readonly source: string;
  readonly venue: string;
  readonly status: RunStatus;
  readonly trigger: "schedule" | "catch_up" | "manual" | "after_crash";
  /** The time of the schedule it stands for. */
  readonly scheduledFor: number | null;
  /** Of a skipped one, when it was skipped. */
  readonly startedAt: number;
  readonly finishedAt: number | null;
  /** Those that have ended. */
  readonly attempts: readonly RunAttempt[];
  readonly rows: number | null;
  readonly bytes: number | null;
  /** Of the last attempt that failed; of a skipped run `Skipped` and the reason. */
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  readonly httpStatus: number | null;
  /** The crashed run in whose place it ran, and how many crashed in a row before it. */
  readonly retryOf: string | null;
  readonly crashes: number;
}

export interface RunFilter {
  readonly source?: string | undefined;
  readonly status?: RunStatus | undefined;
  /** By `startedAt`, epoch ms; `to` is exclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Text in the run's id, error class or error message, in any case. */
  readonly q?: string | undefined;
  /** From 1. */
  readonly page: number;
  readonly size: number;
}

/** What the runs of one source have come to. Times are epoch ms. */
export interface SourceRecord {
  readonly source: string;
  readonly lastRunAt: number | null;
  readonly lastSuccessAt: number | null;
  readonly lastFailureAt: number | null;
  /** How its last run ended that was neither skipped nor stopped in order; null when none has. */
  readonly lastStatus: RunStatus | null;
  /** Of its last failure, also when it works again. */
  readonly lastError: { readonly errorClass: string; readonly errorMessage: string } | null;
  /** 0…1 of the runs that ended in the last 24 hours and 7 days; null when none did. Neither skipped nor stopped ones count. */
  readonly successRate24h: number | null;
  readonly successRate7d: number | null;
  /** Of the attempts that succeeded within 7 days. */
  readonly meanDurationMs: number | null;
}

/** An alert and what its channels made of it. */
export interface AlertDelivery {
  readonly alert: RaisedAlert;
  /** Channel → what became of it; a channel that nothing is known of is not here. */
  readonly deliveries: Readonly<
    Record<string, {
      readonly status: "sent" | "failing" | "given_up";
      readonly at: number;
      readonly attempt: number;
      readonly error: string | null;
      readonly retryAt: number | null;
    }>
  >;
}

/** A log of years is not counted for every page of it. */
export const MOST_COUNTED = 10_000;

/** Read models that answer {@linkcode CrawlerQueries}: who waits for them need not wait for candles. */
export const CRAWLER_MODELS = [
  ...["crawler_runs", "crawler_sources", "crawler_venues", "alert_deliveries"],
] as const;

export interface CrawlerQueries {
  /** The newest first; `total` counts no further than {@linkcode MOST_COUNTED} beyond the page. */
  findRuns(
    filter: RunFilter,
  ): Promise<{ readonly runs: readonly CrawlerRunView[]; readonly total: number }>;
  findRun(runId: string): Promise<CrawlerRunView | undefined>;
  /** When the first of all runs began or was skipped, epoch ms; undefined before there was one. */
  firstRunAt(): Promise<number | undefined>;
  /** Those that are `running`, of one source or of all. */
  openRuns(source?: string): Promise<readonly CrawlerRunView[]>;
  /** Every source that ever ran or was skipped. `now` is epoch ms. */
  records(now: number): Promise<readonly SourceRecord[]>;
  /** What the runs came to that ended within [from, to), by source; epoch ms. */
  days(range: { readonly from: number; readonly to: number }): Promise<readonly SourceDay[]>;
  /** What all runs came to that ever ended, by source. */
  totals(): Promise<readonly SourceDay[]>;
  /** By venue; one that never failed may lack. */
  breakers(): Promise<ReadonlyMap<string, Breaker>>;
  /** Sources that are paused now. */
  paused(): Promise<ReadonlyMap<string, { readonly reason: string; readonly since: number }>>;
  /** What people know of each source. */
  alertsOf(source: string): Promise<SourceAlerts>;
  /** Sources with something that people have yet to be told. */
  untold(): Promise<ReadonlyMap<string, SourceAlerts>>;
  findAlert(alertId: string): Promise<AlertDelivery | undefined>;
  /** Alerts raised since then (epoch ms) that one of these channels has yet to take, the oldest first. */
  undelivered(channels: readonly string[], since?: number): Promise<readonly AlertDelivery[]>;
  /** Those that one of these channels will not be asked to take again. */
  givenUp(channels: readonly string[], since?: number): Promise<readonly AlertDelivery[]>;
}
