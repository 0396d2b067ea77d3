import { uuidV5 } from "@/events/uuid.ts";
import { dispensableBlobs } from "@/domain/klines/compaction_plan.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { periodRange } from "@/domain/klines/period.ts";
import { findPeriodBlobs, hasRevisions, wasSuperseded } from "@/projections/period_blobs.ts";
import { listBeforeRemoval } from "@/projections/replaced_files.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import { untilDecided } from "../until_decided.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";
import { keepRevisions } from "./keep_revisions.ts";
import type { ArchiveMeter } from "./meter.ts";

const VISIBLE_MS = 60_000;

interface CompactingRun extends ArchiveRun {
  /** Takes what is damaged and does not stop the work. */
  readonly note: ArchiveMeter["note"];
}

/**
 * Lets go of a filed period's batches and of files that were replaced long ago. What the file does not
 * hold of them goes into the period's revisions first, and so does all else that was superseded or
 * refused, also where nothing can go. Answers the bytes that are needed no more.
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
  const refusedThrough = await deps.store.head();
  const models = ["period_blobs", "replaced_files", "kline_refusals"];
  if (!await deps.projections.waitFor(refusedThrough, VISIBLE_MS, models)) return NOTHING;
  const row = await findPeriodBlobs(deps.db, { seriesId, period });
  if (row === undefined || row.file?.sha256 !== held.fileSha256) return NOTHING;
  const { clock, keepReplacedDays, compactAtOnce = MOST_AT_ONCE } = deps;
  const all = dispensableBlobs({ ...row, series, hotRows: held.hotRows }, {
    ...{ now: clock.now(), keepReplacedDays },
  });
  const range = periodRange(series.interval, period);
  if (all.length === 0 && !await hasRevisions(deps.db, row, range)) return NOTHING;
  const dispensable = all.slice(0, compactAtOnce);
  const sources = wasSuperseded(row)
    ? [
      ...[...row.batches, ...row.replaced],
      ...await listBeforeRemoval(deps.db, { key: row.key, present: held.fileSha256 }),
    ]
    : dispensable;
  const kept = { row, file: held.fileSha256, sources, range, atOnce: compactAtOnce };
  const revisions = await keepRevisions(deps, kept, note);
  const command: KlinePeriodCommand = {
    type: "CompactKlines",
    data: {
      ...{ seriesId, period, revisions, refusedThrough },
      replaces: row.revisions?.sha256 ?? null,
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
