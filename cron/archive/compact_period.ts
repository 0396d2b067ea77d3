import { VersionConflict } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { BlobRef, LocalBlob } from "@/events/blobs/blobs.ts";
import { dispensableBlobs, type HeldBlob } from "@/domain/klines/compaction_plan.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { findPeriodBlobs, type PeriodBlobsRow } from "@/projections/period_blobs.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";

const MAX_CONFLICTS = 10;
const VISIBLE_MS = 60_000;

/**
 * Lets go of a filed period's batches and of files that were replaced long ago. What the file does not
 * hold of them goes into the period's revisions first. Answers the bytes that are needed no more.
 */
export async function compactPeriod(
  deps: ArchiveDeps,
  run: ArchiveRun,
  place: ArchivePlace,
): Promise<number> {
  for (let conflicts = 0;; conflicts++) {
    run.signal.throwIfAborted();
    try {
      return await attempt(deps, run, place);
    } catch (error) {
      if (!(error instanceof VersionConflict) || conflicts >= MAX_CONFLICTS) throw error;
    }
  }
}

async function attempt(
  deps: ArchiveDeps,
  { runId, actor }: ArchiveRun,
  { series, seriesId, period }: ArchivePlace,
): Promise<number> {
  const current = await currentPeriod(deps, { seriesId, period });
  const { row: held, version } = current;
  if (held === undefined || held.fileSha256 === null) return 0;
  await deps.projections.waitFor(held.position, VISIBLE_MS, ["period_blobs"]);
  const row = await findPeriodBlobs(deps.db, { seriesId, period });
  if (row === undefined || row.file?.sha256 !== held.fileSha256) return 0;
  const { clock, keepReplacedDays } = deps;
  const dispensable = dispensableBlobs({ ...row, series, hotRows: held.hotRows }, {
    ...{ now: clock.now(), keepReplacedDays },
  });
  if (dispensable.length === 0) return 0;
  // Read to the last byte: from now on it is the only place where these candles lie.
  await deps.blobs.get(held.fileSha256);
  const revisions = await keepRevisions(deps, { row, file: held.fileSha256, dispensable });
  const command: KlinePeriodCommand = {
    type: "CompactKlines",
    data: {
      ...{ seriesId, period, revisions, replaces: row.revisions?.sha256 ?? null },
      blobs: dispensable.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes })),
    },
  };
  const commandId = uuidV5(runId, `compact/${seriesId}/${period}/${version}`);
  const position = await decidePeriod(deps.store, current, { command, actor, commandId });
  await deps.projections.waitFor(position, VISIBLE_MS, ["period_blobs", "blob_uses"]);
  return dispensable.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

interface Kept {
  readonly row: PeriodBlobsRow;
  readonly file: string;
  readonly dispensable: readonly HeldBlob[];
}

async function keepRevisions(
  { blobs, lake, workspace }: ArchiveDeps,
  { row, file, dispensable }: Kept,
): Promise<{ blob: BlobRef; rows: number } | null> {
  const lent: LocalBlob[] = [];
  const lend = async (sha256: string): Promise<string> => {
    const blob = await blobs.local(sha256);
    lent.push(blob);
    return blob.path;
  };
  try {
    const sources: { path: string; position: number }[] = [];
    for (const { sha256, position } of dispensable) {
      sources.push({ path: await lend(sha256), position });
    }
    const previous = row.revisions === null ? undefined : await lend(row.revisions.sha256);
    const path = workspace.path("parquet");
    const rows = await lake.revisions({ current: await lend(file), sources, previous }, path);
    if (rows === 0) return null;
    if ((await lake.describe(path)).rows !== rows) throw unreadable(row);
    return { blob: await blobs.putFile(path), rows };
  } finally {
    lent.forEach((blob) => blob.release());
  }
}

function unreadable({ seriesId, period }: PeriodBlobsRow): AdapterError {
  return new AdapterError(`Cannot keep the revisions of ${seriesId} ${period}`, {
    port: "lake",
    op: `revisions ${period}`,
    retryable: true,
    hint: "The file reads back differently: check the disk; nothing was recorded",
  });
}
