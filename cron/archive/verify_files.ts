import { uuidV5 } from "@/events/uuid.ts";
import type { ArchiveEvent } from "@/events/catalog/archive.ts";
import { isDamage } from "@/domain/damaged_file.ts";
import { planVerify, type VerifyPlan } from "@/domain/klines/verify_plan.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import {
  type FiledPeriodFile,
  findVerifyRound,
  listDamagedFiles,
  listPeriodFiles,
} from "@/projections/file_checks.ts";
import { failureFields, messageOf } from "../error_message.ts";
import { verifiedBlob } from "../ingest_period.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import { untilDecided } from "../until_decided.ts";
import { withWorkPath } from "../work_path.ts";
import type { ArchiveDeps, ArchiveRequest, ArchiveRun } from "./archive_deps.ts";
import { bestSource, healPeriod } from "./file_period.ts";
import type { ArchiveMeter } from "./meter.ts";
import { rebuildFile } from "./rebuild_file.ts";
import { restoreCopy } from "./restore_copy.ts";
import { suspectFiles } from "./suspect_files.ts";

type Verified = Extract<ArchiveEvent, { type: "ArchiveFilesVerified" }>["data"];

/** More of them are one fault of the disk, not many of files. */
const MOST_DAMAGED = 500;
const VISIBLE_MS = 60_000;

/**
 * What a run reads to the last byte: a part of all files and those that look damaged, or all of the
 * series that it was asked for.
 */
export async function filesToVerify(
  deps: ArchiveDeps,
  { seriesIds }: ArchiveRequest,
  signal: AbortSignal,
): Promise<VerifyPlan<FiledPeriodFile>> {
  const { db, clock } = deps;
  const files = await listPeriodFiles(db, seriesIds);
  const asked = seriesIds !== undefined;
  const known = new Set((await listDamagedFiles(db)).map(({ key }) => key));
  return planVerify(files, {
    ...{ now: clock.now(), round: await findVerifyRound(db), asked },
    damaged: asked ? known : known.union(await suspectFiles(deps, files, signal)),
  });
}

/** Reads files to the last byte, makes damaged ones again where that can be, and tells of all of them. */
export async function verifyFiles(
  deps: ArchiveDeps,
  { meter, progress, ...run }: ArchiveRun & { meter: ArchiveMeter; progress: Progress },
  { files, round }: VerifyPlan<FiledPeriodFile>,
): Promise<void> {
  if (files.length === 0) return;
  const known = new Set((await listDamagedFiles(deps.db)).map(({ key }) => key));
  const damaged: Verified["damaged"] = [];
  const whole: Verified["whole"] = [];
  let bytes = 0;
  progress.start("verify files", { unit: "files", total: files.length });
  for (const file of files) {
    run.signal.throwIfAborted();
    const { seriesId, period } = file;
    const found = await examine(deps, run, file);
    progress.advance(1);
    // Those who look from elsewhere hear that it goes on.
    await meter.add({});
    bytes += file.sizeBytes;
    if (found.problem === undefined) {
      if (known.has(file.key)) whole.push({ seriesId, period });
      continue;
    }
    const message = found.problem;
    deps.log.error("a period file is damaged", { series: seriesId, period, error: message });
    meter.note({ seriesId, period, step: "verify", message });
    if (found.healed) whole.push({ seriesId, period });
    else damaged.push({ seriesId, period, message });
    if (damaged.length >= MOST_DAMAGED) break;
  }
  const isCutOff = damaged.length >= MOST_DAMAGED;
  const data = { runId: run.runId, files: files.length, bytes, damaged, whole };
  const { position } = await deps.store.append([{
    stream: `archive-${run.runId}`,
    expected: "any",
    events: [{
      type: "ArchiveFilesVerified",
      data: { ...data, round: isCutOff ? null : round ?? null },
    }],
  }], { actor: run.actor, commandId: uuidV5(run.runId, "verified") });
  // Known by the log from here on.
  for (const { sha256 } of isCutOff ? [] : files) deps.damagedReads.delete(sha256);
  await deps.projections.waitFor(position, VISIBLE_MS, ["damaged_files", "file_rounds"]);
}

interface Found {
  /** Undefined for a whole file. */
  readonly problem?: string;
  readonly healed?: boolean;
}

async function examine(
  deps: ArchiveDeps,
  run: ArchiveRun,
  file: FiledPeriodFile,
): Promise<Found> {
  try {
    await deps.blobs.get(file.sha256);
    return {};
  } catch (error) {
    run.signal.throwIfAborted();
    if (!isDamage(error)) return { problem: messageOf(error) };
    const problem = error.message;
    try {
      const source = await untilDecided(() => heal(deps, run, file), run.signal);
      if (source === "replaced") return {};
      if (source !== undefined) {
        return { problem: `${problem}; it was written again from ${source}`, healed: true };
      }
    } catch (failure) {
      run.signal.throwIfAborted();
      deps.log.error("a damaged file cannot be made again", failureFields(failure));
    }
    const hint = "it cannot be made again from what is here: restore this blob from a backup";
    return { problem: `${problem}; ${hint}` };
  }
}

/** What the file was written again from; undefined when nothing of that is left. */
async function heal(
  deps: ArchiveDeps,
  run: ArchiveRun,
  { sha256, ...place }: FiledPeriodFile,
): Promise<string | undefined> {
  const { seriesId, period } = place;
  const current = await currentPeriod(deps, { seriesId, period });
  const { row, version } = current;
  if (row?.fileSha256 !== sha256) return "replaced";
  if (await restoreCopy(deps, { ...place, sha256 })) return "the readable lake";
  if (row.hotRows === row.candles) {
    await healPeriod(deps, run, place);
    return "its rows";
  }
  const made = await withWorkPath(deps.workspace, async (path) => {
    const facts = await rebuildFile(deps, { ...place, sha256, path });
    if (facts?.rows !== row.candles) return undefined;
    return { facts, blob: await verifiedBlob(deps, { path, facts, seriesId, period }) };
  });
  if (made === undefined) return undefined;
  const { facts, blob } = made;
  const { rows, firstOpenTime, lastOpenTime, held, scale } = facts;
  const command: KlinePeriodCommand = {
    type: "ArchiveKlines",
    data: {
      ...{ seriesId, period, blob, rows, firstOpenTime, lastOpenTime },
      source: bestSource(row),
      ...{ ingested: 0, revised: 0, unchanged: rows, heldBetter: 0 },
      ...{ held: [...held], scale },
    },
  };
  // The same bytes again need no event: the decider says so.
  const commandId = uuidV5(run.runId, `heal/${seriesId}/${period}/${version}`);
  await decidePeriod(deps.store, current, { command, actor: run.actor, commandId });
  return "what it was made of";
}
