import { Refusal } from "@/domain/decider.ts";
import { isOwed } from "@/domain/alerts/owed.ts";
import { NO_ALERTS } from "@/domain/alerts/rules.ts";
import type { Breaker } from "@/domain/crawlers/breaker.ts";
import type { CrawlerInfo, Crawlers } from "@/domain/ports/crawlers.ts";
import type { SourceDay } from "@/domain/reports/source_day.ts";
import type {
  AlertDelivery,
  CrawlerQueries,
  CrawlerRunView,
  RunAttempt,
  SourceRecord,
} from "@/projections/crawler_queries.ts";
import type { ReportQueries, ReportView } from "@/projections/report_queries.ts";

/** What there is of crawlers: a test fills in what it looks at, and may change it as it goes. */
export interface CrawlerTables {
  readonly infos: CrawlerInfo[];
  readonly nextRuns: Map<string, number>;
  readonly runs: CrawlerRunView[];
  readonly records: SourceRecord[];
  readonly days: { readonly endedAt: number; readonly day: SourceDay }[];
  readonly breakers: Map<string, Breaker>;
  readonly paused: Map<string, { reason: string; since: number }>;
  readonly alerts: AlertDelivery[];
  readonly reports: ReportView[];
  /** What operators did, oldest first. */
  readonly done: {
    what: string;
    name: string;
    actor: string;
    commandId: string;
    reason?: string;
  }[];
  /** What else happens when a run starts. */
  onRun: (runId: string, name: string) => Promise<void>;
}

export function crawlerTables(over: Partial<CrawlerTables> = {}): CrawlerTables {
  return {
    ...{ infos: [], nextRuns: new Map(), runs: [], records: [], days: [], breakers: new Map() },
    ...{ paused: new Map(), alerts: [], reports: [], done: [], onRun: () => Promise.resolve() },
    ...over,
  };
}

export function crawlersOf(tables: CrawlerTables, now: () => number): Crawlers {
  const { infos, nextRuns, runs, paused, done } = tables;
  return {
    list: () => infos,
    nextRunAt: (name) => nextRuns.get(name),
    async run(name, { actor, commandId }) {
      const info = infos.find((one) => one.name === name);
      if (info === undefined) throw new Refusal("not_found", `Cannot find crawler ${name}`);
      if (info.missing.length > 0) {
        const message = `Cannot run ${name}: ${info.missing.join(", ")} is not set`;
        throw new Refusal("unavailable", message);
      }
      const running = runs.find(({ source, status }) => source === name && status === "running");
      if (running !== undefined) {
        const details = [{ field: "run_id", message: running.runId }];
        throw new Refusal("conflict", `Cannot run ${name}: it runs already`, { details });
      }
      runs.unshift(runOf({ runId: commandId, source: name, startedAt: now() }));
      done.push({ what: "run", name, actor, commandId });
      await tables.onRun(commandId, name);
      return { runId: commandId, jobId: commandId };
    },
    pause(name, { actor, commandId, reason }) {
      paused.set(name, { reason, since: now() });
      done.push({ what: "pause", name, actor, commandId, reason });
      return Promise.resolve();
    },
    resume(name, { actor, commandId }) {
      paused.delete(name);
      done.push({ what: "resume", name, actor, commandId });
      return Promise.resolve();
    },
  };
}

export function crawlerQueriesOf(tables: CrawlerTables): CrawlerQueries {
  const { runs, records, days, breakers, paused, alerts } = tables;
  return {
    findRuns({ source, status, from = -Infinity, to = Infinity, q = "", page, size }) {
      const found = runs.filter((run) =>
        (source ?? run.source) === run.source && (status ?? run.status) === run.status &&
        run.startedAt >= from && run.startedAt < to &&
        [run.runId, run.source, run.errorClass, run.errorMessage].some((text) =>
          (text ?? "").toLowerCase().includes(q.toLowerCase())
        )
      ).toSorted((a, b) => b.startedAt - a.startedAt);
      const shown = found.slice((page - 1) * size, page * size);
      return Promise.resolve({ runs: shown, total: found.length });
    },
    findRun: (runId) => Promise.resolve(runs.find((run) => run.runId === runId)),
    firstRunAt: () => {
      const first = Math.min(...runs.map(({ startedAt }) => startedAt));
      return Promise.resolve(Number.isFinite(first) ? first : undefined);
    },
    openRuns: (source) =>
      Promise.resolve(
        runs.filter((run) => run.status === "running" && (source ?? run.source) === run.source),
      ),
    records: () => Promise.resolve(records),
    days({ from, to }) {
      const within = days.filter(({ endedAt }) => endedAt >= from && endedAt < to);
      return Promise.resolve(within.map(({ day }) => day));
    },
    totals: () => {
      const bySource = Map.groupBy(days, ({ day }) => day.source);
      return Promise.resolve(
        [...bySource.values()].map((all) => all.map(({ day }) => day).reduce(sumOf)),
      );
    },
    breakers: () => Promise.resolve(breakers),
    paused: () => Promise.resolve(paused),
    alertsOf: () => Promise.resolve(NO_ALERTS),
    untold: () => Promise.resolve(new Map()),
    findAlert: (id) => Promise.resolve(alerts.find(({ alert }) => alert.alertId === id)),
    undelivered: (channels) =>
      Promise.resolve(
        alerts.filter(({ alert, deliveries }) =>
          channels.some((channel) => isOwed(alert, channel, deliveries[channel]?.status))
        ),
      ),
    givenUp: (channels) =>
      Promise.resolve(
        alerts.filter(({ deliveries }) =>
          channels.some((channel) => deliveries[channel]?.status === "given_up")
        ),
      ),
  };
}

function sumOf(a: SourceDay, b: SourceDay): SourceDay {
  return {
    ...{ source: a.source, slowest: null, attempts: a.attempts + b.attempts },
    ...{ succeeded: a.succeeded + b.succeeded, failed: a.failed + b.failed },
    ...{ timedOut: a.timedOut + b.timedOut, crashed: a.crashed + b.crashed },
    ...{ skipped: a.skipped + b.skipped, rows: a.rows + b.rows, bytes: a.bytes + b.bytes },
    totalMs: a.totalMs + b.totalMs,
    durations: a.durations.map((count, i) => count + (b.durations[i] ?? 0)),
  };
}

export function reportQueriesOf({ reports }: CrawlerTables): ReportQueries {
  return {
    findReports({ date, from = "", to = "9999", page, size, ...same }) {
      const found = reports.filter((report) =>
        (same.source ?? report.source) === report.source &&
        (same.kind ?? report.kind) === report.kind &&
        (same.exchange ?? report.exchange) === report.exchange &&
        (same.product ?? report.product) === report.product &&
        (same.contract ?? report.contract) === report.contract &&
        (date ?? report.reportDate) === report.reportDate &&
        report.reportDate >= from && report.reportDate <= to
      ).toSorted((a, b) => b.reportDate.localeCompare(a.reportDate));
      const shown = found.slice((page - 1) * size, page * size);
      return Promise.resolve({ reports: shown, total: found.length });
    },
    heldOf(source) {
      const held = reports.filter((report) => report.source === source);
      return Promise.resolve({
        newest: held.map(({ reportDate }) => reportDate).toSorted().at(-1),
        since: held.length === 0 ? undefined : Math.min(...held.map((one) => one.capturedAt)),
      });
    },
    hasValue: (source, field) =>
      Promise.resolve(
        reports.some((one) => one.source === source && Object.hasOwn(one.values, field)),
      ),
    heldOn: (source, dates) =>
      Promise.resolve(
        reports.filter((one) => one.source === source && dates.includes(one.reportDate)),
      ),
    newestDailies: () => Promise.resolve(new Map()),
  };
}

export function infoOf(name: string, over: Partial<CrawlerInfo> = {}): CrawlerInfo {
  return {
    ...{ name, venue: name, schedule: "0 18 * * *", timeZone: "Asia/Shanghai", missing: [] },
    ...{ ownBreakers: false, ...over },
  };
}

/** A run that goes on, unless it says otherwise. */
export function runOf(over: Partial<CrawlerRunView> = {}): CrawlerRunView {
  const { source = "openvlab" } = over;
  return {
    ...{ runId: "run-1", source, venue: source, status: "running", trigger: "manual" },
    ...{ scheduledFor: null, startedAt: 0, finishedAt: null, attempts: [], rows: null },
    ...{ bytes: null, errorClass: null, errorMessage: null, httpStatus: null, retryOf: null },
    crashes: 0,
    ...over,
  };
}

/** One that failed, unless it says otherwise. */
export function attemptOf(over: Partial<RunAttempt> = {}): RunAttempt {
  return {
    ...{ attempt: 1, status: "failed", startedAt: 0, finishedAt: 1_500, durationMs: 1_500 },
    ...{ errorClass: "ServerError", errorMessage: "it answered HTTP 503", httpStatus: 503 },
    ...{ response: null, retryAt: null },
    ...over,
  };
}

export function recordOf(source: string, over: Partial<SourceRecord> = {}): SourceRecord {
  return {
    ...{ source, lastRunAt: null, lastSuccessAt: null, lastFailureAt: null, lastStatus: null },
    ...{ lastError: null, successRate24h: null, successRate7d: null, meanDurationMs: null },
    ...over,
  };
}

export function reportOf(over: Partial<ReportView> = {}): ReportView {
  return {
    ...{ source: "openvlab", kind: "volatility", exchange: "SHFE", product: "RB" },
    ...{ contract: null, reportDate: "2026-02-27", values: {}, capturedAt: 0 },
    ...over,
  };
}
