import type { Clock } from "@/domain/ports/clock.ts";
import type { DailyFacts, Disk, FailingSource, Upkeep } from "@/domain/reports/daily_facts.ts";
import { type DailyReport, dailyReport, reportAlert } from "@/domain/reports/daily_report.ts";
import { DEFAULT_OUTBOX } from "@/domain/alerts/outbox.ts";
import type { Language } from "@/domain/alerts/language.ts";
import { type ArchiveRunRow, listArchiveRuns } from "@/projections/archive_runs.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import type { Db } from "@/projections/db.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import type { AlertSender } from "./alert_sender.ts";
import type { Job } from "./job.ts";
import { dateIn, dayIn } from "./local_day.ts";

export interface DailyReportDeps {
  readonly db: Db;
  readonly queries: Pick<
    CrawlerQueries,
    "days" | "records" | "alertsOf" | "undelivered" | "givenUp" | "findAlert" | "firstRunAt"
  >;
  readonly series: Pick<SeriesQueries, "list" | "gaps">;
  readonly disk: () => Promise<Disk>;
  readonly channels: readonly string[];
  readonly clock: Clock;
  readonly language: Language;
  /** IANA name: whose days, and whose clock. */
  readonly timeZone: string;
}

export interface WrittenReport extends DailyReport {
  /** The day it tells of, `2026-03-01`. */
  readonly date: string;
  /** When it was sent, epoch ms; null when it was made up just now. */
  readonly raisedAt: number | null;
  /** Of a day that is not over it says what there is so far. */
  readonly isOver: boolean;
}

const ARCHIVE_RUNS = 20;
/** What is older was told or given up; a day more, for nobody looks at the very moment. */
const OWED_MS = DEFAULT_OUTBOX.longestMs + 86_400_000;

/** Tells about the day before, each day at `at` (`09:00`). */
export function dailyReportJob(
  deps: DailyReportDeps & { readonly sender: Pick<AlertSender, "raise"> },
  { at }: { readonly at: string },
): Job {
  const { timeZone, clock, sender } = deps;
  const [hour = "9", minute = "0"] = at.split(":");
  return {
    name: "daily-report",
    schedule: `${Number(minute)} ${Number(hour)} * * *`,
    async run({ at }) {
      const { from } = dayIn(timeZone, dateIn(timeZone, at));
      const date = dateIn(timeZone, from - 1);
      // Told before, by another run: what is said again would be other words of the same day.
      if (await deps.queries.findAlert(alertIdOf(date)) !== undefined) return { date, told: false };
      const report = await writeReport(deps, date);
      await sender.raise(reportAlert(date, report, clock.now()));
      return { date, told: true };
    },
  };
}

/**
 * The report as it was sent, else one made now, of today as far as it goes; undefined for a day that
 * has not begun and for one before the first run of anything.
 */
export async function findDailyReport(
  deps: DailyReportDeps,
  date: string,
): Promise<WrittenReport | undefined> {
  const sent = await deps.queries.findAlert(alertIdOf(date));
  if (sent?.alert.text) {
    return { date, ...sent.alert.text, raisedAt: sent.alert.raisedAt, isOver: true };
  }
  const { timeZone, clock, queries } = deps;
  const today = dateIn(timeZone, clock.now());
  if (date > today) return undefined;
  const isOver = date < today;
  const firstRunAt = isOver ? await queries.firstRunAt() : undefined;
  const isKnown = firstRunAt !== undefined && dateIn(timeZone, firstRunAt) <= date;
  if (isOver && !isKnown) return undefined;
  return { date, ...await writeReport(deps, date), raisedAt: null, isOver };
}

function alertIdOf(date: string): string {
  return `daily-report-${date}`;
}

async function writeReport(deps: DailyReportDeps, date: string): Promise<DailyReport> {
  const { language, timeZone, clock } = deps;
  return dailyReport(await gatherFacts(deps, date), { language, timeZone, at: clock.now() });
}

async function gatherFacts(deps: DailyReportDeps, date: string): Promise<DailyFacts> {
  const { db, queries, disk, channels, clock, timeZone } = deps;
  const now = clock.now();
  const day = dayIn(timeZone, date);
  return {
    date,
    sources: await queries.days(day),
    failing: await failingSources(deps),
    gaps: await seriesGaps(deps),
    archive: archiveState(await listArchiveRuns(db, ARCHIVE_RUNS)),
    backup: { status: "not_configured" },
    disk: await disk(),
    undelivered: (await queries.undelivered(channels, now - OWED_MS)).length,
    givenUp: await countGivenUp(deps, day),
    isOver: now >= day.to,
    isPast: now >= dayIn(timeZone, dateIn(timeZone, day.to)).to,
  };
}

/** Alerts, however many channels gave them up that day. */
async function countGivenUp(
  { queries, channels }: DailyReportDeps,
  { from, to }: { from: number; to: number },
): Promise<number> {
  const all = await queries.givenUp(channels, from - OWED_MS);
  const isOfDay = ({ status, at }: { status: string; at: number }) =>
    status === "given_up" && at >= from && at < to;
  return all.filter(({ deliveries }) => Object.values(deliveries).some(isOfDay)).length;
}

async function failingSources({ queries, clock }: DailyReportDeps): Promise<FailingSource[]> {
  const failing: FailingSource[] = [];
  for (const { source, lastError } of await queries.records(clock.now())) {
    const state = await queries.alertsOf(source);
    if (state.failing === null || lastError === null) continue;
    const { since, runs } = state.failing;
    failing.push({ source, since, runs, ...lastError });
  }
  return failing;
}

async function seriesGaps({ series }: DailyReportDeps): Promise<DailyFacts["gaps"]> {
  const gaps: DailyFacts["gaps"][number][] = [];
  for (const { id, watched } of await series.list()) {
    if (!watched) continue;
    const found = await series.gaps(id);
    const slots = (isEmpty: boolean) =>
      found.reduce((sum, gap) => gap.verifiedEmpty === isEmpty ? sum + gap.missing : sum, 0);
    gaps.push({ seriesId: id, missing: slots(false), verifiedEmpty: slots(true) });
  }
  return gaps;
}

/** The newest first. */
function archiveState(runs: readonly ArchiveRunRow[]): Upkeep {
  const ended = runs.filter(({ status }) => status === "succeeded" || status === "failed");
  const [last] = ended;
  if (last === undefined) return { status: "never" };
  if (last.status === "succeeded") {
    const { heardAt, periodsFiled: files, bytesAfter: bytes } = last;
    return { status: "ok", at: heardAt.getTime(), files, bytes };
  }
  const lastGood = ended.findIndex(({ status }) => status === "succeeded");
  const first = ended.slice(0, lastGood < 0 ? ended.length : lastGood).at(-1) ?? last;
  const error = last.problems[0]?.message ?? `${last.problemsTotal} problems`;
  return { status: "failing", since: first.heardAt.getTime(), error };
}
