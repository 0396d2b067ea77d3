import type { ArchiveEvent } from "@/events/catalog/archive.ts";
import { paceOf, progressTold } from "@/domain/klines/archive_pace.ts";
import { planArchive } from "@/domain/klines/archive_plan.ts";
import { Refusal } from "@/domain/decider.ts";
import { formatSeries, seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type {
  Archive,
  ArchiveProgress,
  ArchiveWish,
  DamagedFileView,
} from "@/domain/ports/archive.ts";
import type { Jobs, JobStatus } from "@/domain/ports/jobs.ts";
import { archiveTotals, listArchivable } from "@/projections/archivable_periods.ts";
import { type ArchiveRunRow, listArchiveRuns } from "@/projections/archive_runs.ts";
import type { Db } from "@/projections/db.ts";
import { listDamagedFiles } from "@/projections/file_checks.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import type { Job, JobContext, JobReport, JobRun } from "../job.ts";
import { nextOccurrence } from "../occurrences.ts";
import { parseCron } from "../cron_text.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import type { ArchiveDeps, ArchiveRequest, ArchiveRun } from "./archive_deps.ts";
import { runArchive, summaryOf } from "./run_archive.ts";

const JOB = "archive";
const SHOWN_RUNS = 20;

/** A run tells of itself every ten seconds, or after one long step. */
const SILENT_MS = 120_000;

/** What only tells what would be done is in nobody's way. */
const DRY_KEY = `${JOB}:dry-run`;

export interface ArchiveTimes {
  /** `03:30` */
  readonly at: string;
  /** IANA name. */
  readonly timeZone: string;
}

/** The daily run. */
export function archiveJob(deps: ArchiveDeps, { at }: Pick<ArchiveTimes, "at">): Job {
  return {
    name: JOB,
    schedule: scheduleAt(at),
    // It shows by its progress that it goes on.
    timeoutMs: null,
    run: (context) => archiveOnce(deps, { ...context, actor: `job:${JOB}` }),
  };
}

/** What a person's run needs of the supervisor: it takes the schedule's place, and is recorded. */
type ByHand = Pick<Supervisor, "run" | "runToEnd">;

type WishedDeps = ArchiveDeps & {
  readonly series: Pick<SeriesQueries, "find">;
};

/**
 * A run that a person asked for, to its end. Refusal `not_found` for a series that is not held,
 * `conflict` while one runs here or elsewhere. What would be done can be told at any time.
 */
export async function archiveWished(
  deps: WishedDeps & { readonly supervisor: Pick<ByHand, "runToEnd"> },
  wish: ArchiveWish,
  context: JobContext & { readonly actor: string },
): Promise<JobReport> {
  const { actor } = context;
  const request = await requestOf(deps, wish);
  if (wish.dryRun) return await archiveOnce(deps, { ...context, ...request });
  const work = (run: JobRun) => archiveOnce(deps, { ...run, ...request, actor, isAsked: true });
  return await deps.supervisor.runToEnd(JOB, { ...context, work });
}

/** What the API starts and shows. */
export function createArchive(
  deps: WishedDeps & { readonly supervisor: Pick<ByHand, "run"> },
  { jobs, at, timeZone }: ArchiveTimes & { readonly jobs: Jobs },
): Archive {
  const { clock, db, store, hotDays, keepReplacedDays } = deps;
  const times = parseCron(scheduleAt(at));
  return {
    async start({ actor, commandId, ...wish }) {
      const request = { ...await requestOf(deps, wish), actor };
      if (wish.dryRun) {
        const run = (context: JobContext) => archiveOnce(deps, { ...context, ...request });
        return { runId: null, jobId: jobs.start({ name: JOB, key: DRY_KEY, run }).id };
      }
      const work = (run: JobRun) => archiveOnce(deps, { ...run, ...request, isAsked: true });
      return await deps.supervisor.run(JOB, { actor, commandId }, work);
    },
    damaged: () => damagedViews(db),
    async overview() {
      const now = clock.now();
      const nextAt = nextOccurrence(times, now, timeZone);
      const own = jobs.list().find(({ name, key, status }) =>
        name === JOB && key !== DRY_KEY && status === "running"
      );
      const runs = await listArchiveRuns(db, SHOWN_RUNS);
      return {
        ...{ hotDays, keepReplacedDays },
        nextAt: nextAt === undefined ? undefined : new Date(nextAt),
        waiting: summaryOf(planArchive(await listArchivable(db), { now, hotDays })),
        totals: await archiveTotals(db),
        damaged: await damagedViews(db),
        running: own === undefined ? await elsewhere(store, runs, now) : progressOf(own, now),
        runs,
      };
    },
  };
}

async function archiveOnce(
  deps: ArchiveDeps,
  { actor, runId, isAsked, signal, progress, ...request }:
    & JobContext
    & Partial<Pick<JobRun, "runId">>
    & Pick<ArchiveRun, "actor" | "isAsked">
    & ArchiveRequest,
): Promise<JobReport> {
  const run = { runId: await ownId(deps, runId), actor, isAsked, signal };
  return await runArchive(deps, request, { ...run, progress });
}

/** The supervisor's run under its own id; what it tries once more is told beside the first attempt. */
async function ownId({ store }: Pick<ArchiveDeps, "store">, runId?: string): Promise<string> {
  if (runId === undefined) return crypto.randomUUID();
  const { events } = await store.readStream(`archive-${runId}`, { limit: 1 });
  return events.length === 0 ? runId : crypto.randomUUID();
}

async function damagedViews(db: Db): Promise<DamagedFileView[]> {
  return (await listDamagedFiles(db)).map(({ key: _key, ...view }) => view);
}

async function requestOf(
  { series: queries }: WishedDeps,
  { series, before, dryRun }: ArchiveWish,
): Promise<ArchiveRequest> {
  const seriesIds = series.length === 0 ? undefined : await heldIds(queries, series);
  return { seriesIds, before, dryRun };
}

async function heldIds(
  queries: Pick<SeriesQueries, "find">,
  series: readonly SeriesRef[],
): Promise<string[]> {
  const ids = series.map(seriesId);
  for (const [at, id] of ids.entries()) {
    const asked = series[at];
    if (asked === undefined || await queries.find(id) !== undefined) continue;
    throw new Refusal("not_found", `Cannot archive ${formatSeries(asked)}: it is not held`);
  }
  return ids;
}

/** `03:30` → `30 3 * * *` */
function scheduleAt(at: string): string {
  const [hour, minute] = at.split(":").map(Number);
  return `${minute} ${hour} * * *`;
}

function progressOf(
  { id, startedAt, phaseStartedAt, label, unit, done, total }: JobStatus,
  now: number,
): ArchiveProgress {
  const ms = now - phaseStartedAt.getTime();
  const left = total === undefined ? undefined : total - done;
  return {
    ...{ jobId: id, startedAt, label, unit, done, total },
    ...paceOf({ done, ms, left }),
  };
}

/** What another instance's run has told of itself; one that says nothing more was killed. */
async function elsewhere(
  store: ArchiveDeps["store"],
  runs: readonly ArchiveRunRow[],
  now: number,
): Promise<ArchiveProgress | undefined> {
  const run = runs.find(({ status, heardAt }) =>
    status === "running" && now - heardAt.getTime() < SILENT_MS
  );
  if (run === undefined) return undefined;
  const { events } = await store.readStream<ArchiveEvent>(`archive-${run.runId}`);
  const progress = progressTold(events, now);
  return progress && { jobId: null, startedAt: run.startedAt, ...progress };
}
