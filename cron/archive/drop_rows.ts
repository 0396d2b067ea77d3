import { BlobCorrupt, BlobMissing } from "@/events/blobs/blobs.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { VersionConflict } from "@/events/store/store.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { healPeriod } from "./file_period.ts";
import { currentPeriod, decidePeriod } from "../period_state.ts";
import type { ArchiveDeps, ArchivePlace, ArchiveRun } from "./archive_deps.ts";

const MAX_CONFLICTS = 10;
const VISIBLE_MS = 60_000;

/** Writes a damaged file again out of the rows, which are kept until the next run finds it whole. */
async function heal(
  deps: ArchiveDeps,
  run: ArchiveRun,
  { place, error }: { place: ArchivePlace; error: unknown },
): Promise<never> {
  if (!(error instanceof BlobMissing || error instanceof BlobCorrupt)) throw error;
  await healPeriod(deps, run, place);
  throw new AdapterError(`${error.message}; it was written again from its rows, which are kept`, {
    port: "blobs",
    op: `drop rows of ${place.period}`,
    retryable: false,
    hint: "Check the disk; the next run drops the rows",
    cause: error,
  });
}

/**
 * Lets go of the rows of a filed period, once its file has proved whole. The read models delete them
 * chunk by chunk. Answers how many; throws BlobMissing or BlobCorrupt and keeps them all otherwise.
 */
export async function dropRows(
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
  run: ArchiveRun,
  place: ArchivePlace,
): Promise<number> {
  const { seriesId, period } = place;
  const { runId, actor } = run;
  const current = await currentPeriod(deps, { seriesId, period });
  const { row, version } = current;
  if (row === undefined || row.fileSha256 === null || row.hotRows === 0) return 0;
  // Read to the last byte: what was verified once may have rotted since.
  await deps.blobs.get(row.fileSha256).catch((error) => heal(deps, run, { place, error }));
  const command: KlinePeriodCommand = {
    type: "DropHotRows",
    data: {
      ...{ seriesId, period, rows: row.hotRows },
      from: row.firstOpenTime ?? 0,
      to: (row.lastOpenTime ?? 0) + 1,
    },
  };
  const commandId = uuidV5(runId, `drop/${seriesId}/${period}/${version}`);
  const position = await decidePeriod(deps.store, current, { command, actor, commandId });
  // One period after the other: the read models must not fall behind live candles.
  await deps.projections.waitFor(position, VISIBLE_MS, ["klines"]);
  return row.hotRows;
}
