import { uuidV5 } from "@/events/uuid.ts";
import type { BlobRef, LocalBlob } from "@/events/blobs/blobs.ts";
import type { KlineRejectionEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { dispensableBlobs, type HeldBlob } from "@/domain/klines/compaction_plan.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { periodRange } from "@/domain/klines/period.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { RefusedRows } from "@/domain/ports/lake.ts";
import { findPeriodBlobs, type PeriodBlobs } from "@/projections/period_blobs.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import { untilDecided } from "../until_decided.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";

const VISIBLE_MS = 60_000;

/**
 * Lets go of a filed period's batches and of files that were replaced long ago. What the file does not
 * hold of them goes into the period's revisions first, and so do the rows that were refused. Answers the bytes that are needed no more.
 */
export async function compactPeriod(
  deps: ArchiveDeps,
  run: ArchiveRun,
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
  { runId, actor }: ArchiveRun,
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
  const refused = await listRefusals(deps, seriesId);
  const revisions = await keepRevisions(deps, {
    ...{ row, file: held.fileSha256, dispensable, refused },
    range: periodRange(series.interval, period),
  });
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
  readonly refused: readonly Refusal[];
  readonly range: OpenTimeRange;
}

async function keepRevisions(
  { blobs, lake, workspace }: ArchiveDeps,
  { row, file, dispensable, refused, range }: Kept,
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
    const refusals: RefusedRows[] = [];
    for (const { position, data: { source, blob, rows } } of refused) {
      const path = blob === null ? undefined : await lend(blob.sha256);
      refusals.push({ position, source, path, rows });
    }
    const previous = row.revisions === null ? undefined : await lend(row.revisions.sha256);
    const path = workspace.path("parquet");
    const current = await lend(file);
    const input = { current, sources, refused: refusals, range, previous };
    const rows = await lake.revisions(input, path);
    if (rows === 0) return null;
    if ((await lake.describe(path)).rows !== rows) throw unreadable(row);
    return { blob: await blobs.putFile(path), rows };
  } finally {
    lent.forEach((blob) => blob.release());
  }
}

type Refusal = Recorded<KlineRejectionEvent>;

/** Every `KlinesRejected` of a series: rows of any period may be in each. */
async function listRefusals({ store }: ArchiveDeps, seriesId: string): Promise<Refusal[]> {
  const { events } = await store.readStream<KlineRejectionEvent>(`klines_rejected-${seriesId}`);
  return [...events];
}

function unreadable({ seriesId, period }: PeriodBlobs): AdapterError {
  return new AdapterError(`Cannot keep the revisions of ${seriesId} ${period}`, {
    port: "lake",
    op: `revisions ${period}`,
    retryable: true,
    hint: "The file reads back differently: check the disk; nothing was recorded",
  });
}
