import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import { type ArchivePlan, planArchive } from "@/domain/klines/archive_plan.ts";
import { type CompactablePeriod, dispensableBlobs } from "@/domain/klines/compaction_plan.ts";
import { Refusal } from "@/domain/decider.ts";
import { retry } from "@/domain/retry.ts";
import {
  bytesPerHotRow,
  listArchivable,
  listNarrowFiles,
} from "@/projections/archivable_periods.ts";
import { listArchiveRuns } from "@/projections/archive_runs.ts";
import { listCompactable } from "@/projections/period_blobs.ts";
import { failureFields, messageOf } from "../error_message.ts";
import type { JobReport } from "../job.ts";
import { currentScale, rescalePeriod } from "../widen_scale.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRequest, ArchiveRun } from "./archive_deps.ts";
import { compactPeriod } from "./compact_period.ts";
import { deleteBlobs } from "./delete_blobs.ts";
import { dropRows } from "./drop_rows.ts";
import { filePeriod, ingestRunOf } from "./file_period.ts";
import { filesToVerify, verifyFiles } from "./verify_files.ts";
import { type ArchiveMeter, createMeter } from "./meter.ts";

/** Periods worked on at the same moment: one is read while another is written. */
const CONCURRENCY = 2;

const VISIBLE_MS = 60_000;

const ATTEMPTS = { attempts: 4, baseMs: 1_000, maxMs: 15_000 } as const;

interface Step<Place> {
  readonly name: "file" | "rescale" | "drop" | "compact";
  readonly places: readonly Place[];
  readonly work: (place: Place) => Promise<void>;
}

/**
 * Moves ended periods into files and lets go of rows that are old enough. Safe to stop, to kill and to
 * run twice at the same time. What fails is retried, then reported, and the rest goes on; throws an
 * AdapterError at the end when something could not be done.
 */
export async function runArchive(
  deps: ArchiveDeps,
  request: ArchiveRequest,
  { progress, ...run }: ArchiveRun & { readonly progress: Progress },
): Promise<JobReport> {
  const { clock, hotDays, db, database } = deps;
  const plan = planArchive(await listArchivable(db, request.seriesIds), {
    ...{ now: clock.now(), hotDays, before: request.before },
  });
  const wanted = summaryOf(plan);
  if (request.dryRun === true) return { dryRun: true, ...wanted };
  const toVerify = await filesToVerify(deps, request, run.signal);
  const nothing = plan.file.length + plan.drop.length === 0 &&
    (await dispensable(deps, request)).length === 0 &&
    (await listNarrow(deps, request)).length === 0 && toVerify.files.length === 0;
  if (nothing && run.isAsked !== true && !await isFailing(deps, request)) {
    return { ...wanted, ...await deleteBlobs(deps, run), problems: 0 };
  }
  const meter = createMeter(deps, run);
  await meter.start(wanted);
  let status: Parameters<ArchiveMeter["finish"]>[0] = "stopped";
  try {
    const rowBytes = await bytesPerHotRow(database);
    await verifyFiles(deps, { ...run, meter, progress }, toVerify);
    progress.start("file candles", { unit: "candles", total: wanted.rowsToFile });
    await eachPlace(deps, { run, meter }, {
      ...{ name: "file", places: plan.file },
      async work(place) {
        const filed = await filePeriod(deps, run, place);
        progress.advance(place.candles);
        if (filed === undefined) return;
        const { rows, sizeBytes: bytesAfter } = filed;
        const bytesBefore = Math.round(rows * rowBytes);
        await meter.add({ periodsFiled: 1, rowsFiled: rows, bytesBefore, bytesAfter });
      },
    });
    const narrow = await listNarrow(deps, request);
    progress.start("rescale files", { unit: "periods", total: narrow.length });
    await eachPlace(deps, { run, meter }, {
      ...{ name: "rescale", places: narrow },
      async work(place) {
        const scale = await currentScale(deps, place.seriesId);
        await rescalePeriod(deps, ingestRunOf(deps, run, place), { ...place, scale });
        progress.advance(1);
        await meter.add({});
      },
    });
    progress.start("drop rows", { unit: "rows", total: wanted.rowsToDrop });
    await eachPlace(deps, { run, meter }, {
      // A file that had to be made again is read once more, by the next run, before its rows go.
      ...{ name: "drop", places: plan.drop.filter((place) => !isTold(meter, place)) },
      async work(place) {
        const rowsDropped = await dropRows(deps, run, place);
        progress.advance(place.hotRows);
        await meter.add({ rowsDropped });
      },
    });
    const compactable = await dispensable(deps, request);
    progress.start("compact batches", { unit: "periods", total: compactable.length });
    await eachPlace(deps, { run, meter }, {
      ...{ name: "compact", places: compactable },
      async work(place) {
        const bytesCompacted = await compactPeriod(deps, { ...run, note: meter.note }, place);
        progress.advance(1);
        await meter.add({ bytesCompacted });
      },
    });
    progress.start("delete blobs", { unit: "blobs" });
    const deleted = await deleteBlobs(deps, run);
    progress.advance(deleted.blobsDeleted);
    await meter.add({ ...deleted });
    progress.finish();
    status = meter.problems.length === 0 ? "succeeded" : "failed";
  } catch (error) {
    if (!run.signal.aborted) status = "failed";
    throw error;
  } finally {
    await meter.finish(status).catch((error: unknown) =>
      deps.log.warn("cannot record the end of an archive run", failureFields(error))
    );
  }
  const [problem] = meter.problems;
  if (problem !== undefined) throw incomplete(meter);
  return { ...wanted, ...meter.done, problems: 0 };
}

export interface ArchiveWork {
  readonly periodsToFile: number;
  readonly rowsToFile: number;
  readonly rowsToDrop: number;
}

export function summaryOf({ file, drop }: ArchivePlan): ArchiveWork {
  return {
    periodsToFile: file.length,
    rowsToFile: file.reduce((sum, { candles }) => sum + candles, 0),
    rowsToDrop: drop.reduce((sum, { hotRows }) => sum + hotRows, 0),
  };
}

/** The last run of all series has failed: one with nothing to do says that it is over. */
async function isFailing({ db }: ArchiveDeps, { seriesIds }: ArchiveRequest): Promise<boolean> {
  const [last] = await listArchiveRuns(db, 1);
  return seriesIds === undefined && last?.status === "failed";
}

function isTold({ problems }: ArchiveMeter, { seriesId, period }: ArchivePlace): boolean {
  return problems.some((one) => one.seriesId === seriesId && one.period === period);
}

/** Files from before a scale grew, also those that an ingest could not write again. */
async function listNarrow(
  { store, projections, db }: ArchiveDeps,
  { seriesIds }: ArchiveRequest,
): Promise<ArchivePlace[]> {
  await projections.waitFor(await store.head(), VISIBLE_MS, ["kline_periods", "series"]);
  return await listNarrowFiles(db, seriesIds);
}

/** Filed periods that can do without some of their blobs, or whose revisions lack something. */
async function dispensable(
  { store, projections, db, clock, keepReplacedDays }: ArchiveDeps,
  { seriesIds }: ArchiveRequest,
): Promise<CompactablePeriod[]> {
  const names = ["period_blobs", "kline_refusals"];
  await projections.waitFor(await store.head(), VISIBLE_MS, names);
  const policy = { now: clock.now(), keepReplacedDays };
  const periods = await listCompactable(db, seriesIds);
  return periods.filter((period) =>
    period.isRevised || dispensableBlobs(period, policy).length > 0
  );
}

async function eachPlace<Place extends ArchivePlace>(
  deps: ArchiveDeps,
  { run: { signal }, meter }: { run: ArchiveRun; meter: ArchiveMeter },
  { name, places, work }: Step<Place>,
): Promise<void> {
  const waiting = places.values();
  const lanes = Array.from({ length: Math.min(CONCURRENCY, places.length) }, async () => {
    for (const period of waiting) {
      signal.throwIfAborted();
      try {
        await retry(() => work(period), { ...deps, ...ATTEMPTS, signal });
      } catch (error) {
        signal.throwIfAborted();
        const { seriesId, period: at } = period;
        deps.log.error(`cannot ${name} a period`, {
          seriesId,
          period: at,
          ...failureFields(error),
        });
        meter.note({ seriesId, period: at, step: name, message: messageOf(error) });
        // Every further one would fail alike.
        if (isDiskFull(error)) throw error;
      }
    }
  });
  // Every lane ends before the first failure is thrown: nothing goes on behind the caller's back.
  const ended = await Promise.allSettled(lanes);
  for (const lane of ended) if (lane.status === "rejected") throw lane.reason;
}

function isDiskFull(error: unknown): boolean {
  if (error instanceof Refusal) return error.code === "storage_full";
  return error instanceof AdapterError &&
    /ENOSPC|EDQUOT|No space left|disk full/i.test(error.message);
}

function incomplete({ problems, done }: ArchiveMeter): AdapterError {
  const [first] = problems;
  const others = problems.length > 1 ? ` and ${problems.length - 1} more` : "";
  return new AdapterError(
    `Cannot archive ${first?.seriesId} ${first?.period}${others}: ${first?.message}`,
    {
      port: "archive",
      op: first?.step ?? "",
      retryable: true,
      hint:
        `${done.periodsFiled} periods were filed. Nothing was lost: the rows of the others are ` +
        "kept, and the next run tries again",
    },
  );
}
