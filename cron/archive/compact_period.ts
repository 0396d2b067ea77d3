import { uuidV5 } from "@/events/uuid.ts";
import type { BlobRef, LocalBlob } from "@/events/blobs/blobs.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { dispensableBlobs, type HeldBlob } from "@/domain/klines/compaction_plan.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { periodRange } from "@/domain/klines/period.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { RefusedRows } from "@/domain/ports/lake.ts";
import { findPeriodBlobs, type PeriodBlobs } from "@/projections/period_blobs.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import { untilDecided } from "../until_decided.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";
import type { ArchiveMeter } from "./meter.ts";
import { refusalPages, refusedRows } from "./refusals.ts";

const VISIBLE_MS = 60_000;
const KEPT_INLINE = "of these refused rows the first are kept, out of the log";

interface CompactingRun extends ArchiveRun {
  /** Takes what is damaged and does not stop the work. */
  readonly note: ArchiveMeter["note"];
}

/**
 * Lets go of a filed period's batches and of files that were replaced long ago. What the file does not
 * hold of them goes into the period's revisions first, and so do the rows that were refused. Answers the bytes that are needed no more.
 */
export async function compactPeriod(
  deps: ArchiveDeps,
  run: CompactingRun,
  place: ArchivePlace,
): Promise<number> {
  let bytes = 0;
  for (;;) {
    const part = await untilDecided(() => attempt(deps, run, place), run.signal);
    bytes += part.bytes;
    if (!part.more) return bytes;
  }
}

/** Each is opened beside the others, and named by the event. */
const MOST_AT_ONCE = 500;
const NOTHING = { bytes: 0, more: false } as const;

async function attempt(
  deps: ArchiveDeps,
  { runId, actor, note }: CompactingRun,
  { series, seriesId, period }: ArchivePlace,
): Promise<{ readonly bytes: number; readonly more: boolean }> {
  const current = await currentPeriod(deps, { seriesId, period });
  const { row: held, version } = current;
  if (held === undefined || held.fileSha256 === null) return NOTHING;
  await deps.projections.waitFor(held.position, VISIBLE_MS, ["period_blobs", "replaced_files"]);
  const row = await findPeriodBlobs(deps.db, { seriesId, period });
  if (row === undefined || row.file?.sha256 !== held.fileSha256) return NOTHING;
  const { clock, keepReplacedDays, compactAtOnce = MOST_AT_ONCE } = deps;
  const all = dispensableBlobs({ ...row, series, hotRows: held.hotRows }, {
    ...{ now: clock.now(), keepReplacedDays },
  });
  if (all.length === 0) return NOTHING;
  const dispensable = all.slice(0, compactAtOnce);
  // Read to the last byte: from now on it is the only place where these candles lie.
  await deps.blobs.get(held.fileSha256);
  const range = periodRange(series.interval, period);
  const kept = { row, file: held.fileSha256, dispensable, range };
  const revisions = await keepRevisions(deps, kept, note);
  const command: KlinePeriodCommand = {
    type: "CompactKlines",
    data: {
      ...{ seriesId, period, revisions, replaces: row.revisions?.sha256 ?? null },
      blobs: dispensable.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes })),
    },
  };
  const commandId = uuidV5(runId, `compact/${seriesId}/${period}/${version}`);
  const position = await decidePeriod(deps.store, current, { command, actor, commandId });
  const names = ["period_blobs", "replaced_files", "blob_uses"];
  const visible = await deps.projections.waitFor(position, VISIBLE_MS, names);
  return {
    bytes: dispensable.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    more: visible && dispensable.length < all.length,
  };
}

interface Kept {
  readonly row: PeriodBlobs;
  readonly file: string;
  readonly dispensable: readonly HeldBlob[];
  readonly range: OpenTimeRange;
}

/** Page by page of what was refused, each on top of what the one before has kept. */
async function keepRevisions(
  deps: ArchiveDeps,
  { row, file, dispensable, range }: Kept,
  note: ArchiveMeter["note"],
): Promise<{ blob: BlobRef; rows: number } | null> {
  const { blobs, lake, workspace } = deps;
  const { seriesId, period } = row;
  const lent: LocalBlob[] = [];
  const lend = async (sha256: string): Promise<string> => {
    const blob = await blobs.local(sha256);
    lent.push(blob);
    return blob.path;
  };
  const written: string[] = [];
  try {
    const current = await lend(file);
    let sources: { path: string; position: number }[] = [];
    for (const { sha256, position } of dispensable) {
      sources.push({ path: await lend(sha256), position });
    }
    let previous = row.revisions === null ? undefined : await lend(row.revisions.sha256);
    let rows = 0;
    const add = async (refused: readonly RefusedRows[]): Promise<void> => {
      const path = workspace.path("parquet");
      rows = await lake.revisions({ current, sources, refused, range, previous }, path);
      if (rows === 0) return;
      const before = written.at(-1);
      written.push(path);
      if (before !== undefined) await workspace.remove(before);
      [sources, previous] = [[], path];
    };
    let pages = 0;
    for await (const page of refusalPages(deps, { seriesId, range })) {
      pages++;
      const part = await refusedRows(blobs, page);
      try {
        for (const { sha256, message } of part.damaged) {
          deps.log.error("a blob of refused rows is damaged", { seriesId, sha256, error: message });
          note({ seriesId, period, step: "compact", message: `${message}: ${KEPT_INLINE}` });
        }
        await add(part.refused);
      } finally {
        part.lent.forEach((blob) => blob.release());
      }
    }
    if (pages === 0) await add([]);
    const path = written.at(-1);
    if (path === undefined) return null;
    if ((await lake.describe(path)).rows !== rows) throw unreadable(row);
    return { blob: await blobs.putFile(path), rows };
  } finally {
    lent.forEach((blob) => blob.release());
    for (const path of written) await workspace.remove(path);
  }
}

function unreadable({ seriesId, period }: PeriodBlobs): AdapterError {
  return new AdapterError(`Cannot keep the revisions of ${seriesId} ${period}`, {
    port: "lake",
    op: `revisions ${period}`,
    retryable: true,
    hint: "The file reads back differently: check the disk; nothing was recorded",
  });
}
