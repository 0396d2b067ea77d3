import type { StagedBatch } from "@/domain/ports/lake.ts";
import { type IngestDeps, type IngestRun, partId, type PartOutcome } from "./ingest_run.ts";
import { withWorkPath } from "./work_path.ts";

const INLINE_REJECTED = 256;

/** What a batch had to refuse; `writeRejected` gives all of it where it does not fit the list. */
export type Rejection =
  & Pick<StagedBatch, "rejectedTotal" | "rejected" | "reasons">
  & Partial<Pick<StagedBatch, "writeRejected">>;

/** Keeps refused rows with their reasons: the first in the event, all in a blob when there are more. */
export async function recordRejected(
  { store, blobs, workspace }: IngestDeps,
  run: IngestRun,
  rejection: Rejection,
): Promise<PartOutcome> {
  const { rejectedTotal, rejected, reasons } = rejection;
  const outcome = { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, rejectedTotal, rejected };
  if (rejectedTotal === 0) return { ...outcome, position: 0 };
  const { written, blob } = await withWorkPath(workspace, async (path) => {
    const written = rejectedTotal > INLINE_REJECTED
      ? await rejection.writeRejected?.(path)
      : undefined;
    return { written, blob: written === undefined ? null : await blobs.putFile(path) };
  });
  const blobTimes = written?.openTimes ?? null;
  const { position } = await store.append([{
    stream: `klines_rejected-${run.seriesId}`,
    expected: "any",
    events: [{
      type: "KlinesRejected",
      data: {
        ...{ seriesId: run.seriesId, source: run.source, total: rejectedTotal, reasons },
        ...{ blob, blobTimes },
        rows: rejected.slice(0, INLINE_REJECTED).map((row) => ({
          ...row,
          values: kept(row.values),
        })),
      },
    }],
  }], { actor: run.actor, commandId: partId(run, "rejected") });
  return { ...outcome, position };
}

/** Text that the log can hold: what broke the row must not break its record. */
function kept(values: string): string {
  return values.toWellFormed().replaceAll("\0", "\uFFFD").slice(0, 1_000);
}
