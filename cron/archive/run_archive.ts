import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import {
  type ArchivablePeriod,
  type ArchivePlan,
  planArchive,
} from "@/domain/klines/archive_plan.ts";
import { type CompactablePeriod, dispensableBlobs } from "@/domain/klines/compaction_plan.ts";
import {
  bytesPerHotRow,
  listArchivable,
  listNarrowFiles,
} from "@/projections/archivable_periods.ts";
import { listArchiveRuns } from "@/projections/archive_runs.ts";
import { listCompactable } from "@/projections/period_blobs.ts";
import { failureFields } from "../error_message.ts";
import type { JobReport } from "../job.ts";
import { currentScale, rescalePeriod } from "../widen_scale.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRequest, ArchiveRun } from "./archive_deps.ts";
import { compactPeriod } from "./compact_period.ts";
import { deleteBlobs } from "./delete_blobs.ts";
import { dropRows } from "./drop_rows.ts";
import { eachPlace, type Step } from "./each_place.ts";
import { filePeriod, ingestRunOf } from "./file_period.ts";
import { filesToVerify, verifyFiles } from "./verify_files.ts";
import { type ArchiveMeter, createMeter } from "./meter.ts";

const VISIBLE_MS = 60_000;

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
    const file: Step<ArchivablePeriod> = {
      name: "file",
      async work(place) {
        const filed = await filePeriod(deps, run, place);
        progress.advance(place.candles);
        if (filed === undefined) return;
        const { rows, sizeBytes: bytesAfter } = filed;
        const bytesBefore = Math.round(rows * rowBytes);
        await meter.add({ periodsFiled: 1, rowsFiled: rows, bytesBefore, bytesAfter });
      },
    };
    const toDrop = new Set(plan.drop);
    const drop = (onDropped: (rows: number) => void): Step<ArchivablePeriod> => ({
      name: "drop",
      async work(place) {
        // A file that had to be made again is read once more, by the next run, before its rows go.
        if (!toDrop.has(place) || isTold(meter, place)) return;
        const rowsDropped = await dropRows(deps, run, place);
        toDrop.delete(place);
        onDropped(place.hotRows);
        await meter.add({ rowsDropped });
      },
    });
    // The engine files one period while the database lets go of the rows of another.
    await eachPlace(deps, { run, meter }, plan.file, file, drop(() => progress.advance(0)));
    const narrow = await listNarrow(deps, request);
    progress.start("rescale files", { unit: "periods", total: narrow.length });
    await eachPlace(deps, { run, meter }, narrow, {
      name: "rescale",
      async work(place) {
        const scale = await currentScale(deps, place.seriesId);
        await rescalePeriod(deps, ingestRunOf(deps, run, place), { ...place, scale });
        progress.advance(1);
        await meter.add({});
      },
    });
    const left = [...toDrop].filter((place) => !isTold(meter, place));
    progress.start("drop rows", { unit: "rows", total: rowsOf(left) });
    await eachPlace(deps, { run, meter }, left, drop((rows) => progress.advance(rows)));
    const compactable = (await dispensable(deps, request))
      .filter((place) => !isTold(meter, place));
    progress.start("compact batches", { unit: "periods", total: compactable.length });
    await eachPlace(deps, { run, meter }, compactable, {
      name: "compact",
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
    rowsToDrop: rowsOf(drop),
  };
}

function rowsOf(places: readonly ArchivablePeriod[]): number {
  return places.reduce((sum, { hotRows }) => sum + hotRows, 0);
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
