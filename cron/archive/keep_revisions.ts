import type { BlobRef, LocalBlob } from "@/events/blobs/blobs.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { HeldBlob } from "@/domain/klines/compaction_plan.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { RevisionsInput } from "@/domain/ports/lake.ts";
import { type PeriodBlobs, wasSuperseded } from "@/projections/period_blobs.ts";
import type { ArchiveDeps } from "./archive_deps.ts";
import { inlinePages } from "./inline_pages.ts";
import type { ArchiveMeter } from "./meter.ts";
import { refusalPages, refusedRows } from "./refusals.ts";

const KEPT_INLINE = "of these refused rows the first are kept, out of the log";

export interface Kept {
  readonly row: PeriodBlobs;
  readonly file: string;
  /** Blobs that go, or of whose candles some were superseded. */
  readonly sources: readonly HeldBlob[];
  readonly range: OpenTimeRange;
  /** Of blobs that are opened beside each other. */
  readonly atOnce: number;
}

type Part = Partial<Pick<RevisionsInput, "sources" | "inline" | "refused">>;

/**
 * The revisions of a period with what these blobs, its small batches and its refusals since then add to
 * them: page by page, each on top of what the one before has kept. Null when there are none.
 */
export async function keepRevisions(
  deps: ArchiveDeps,
  { row, file, sources, range, atOnce }: Kept,
  note: ArchiveMeter["note"],
): Promise<{ blob: BlobRef; rows: number } | null> {
  const { blobs, lake, workspace } = deps;
  const { seriesId, period } = row;
  const lent: LocalBlob[] = [];
  // To the last byte, also the file: from now on it is the only place where its candles lie.
  const lend = async (sha256: string, into = lent): Promise<string> => {
    const blob = await blobs.local(sha256, { anew: true });
    into.push(blob);
    return blob.path;
  };
  const written: string[] = [];
  try {
    const current = await lend(file);
    let previous = row.revisions === null ? undefined : await lend(row.revisions.sha256);
    let rows = 0;
    const add = async ({ sources = [], inline = [], refused = [] }: Part): Promise<void> => {
      const path = workspace.path("parquet");
      rows = await lake.revisions({ current, sources, inline, refused, range, previous }, path);
      if (rows === 0) return;
      const before = written.at(-1);
      written.push(path);
      if (before !== undefined) await workspace.remove(before);
      previous = path;
    };
    for (let at = 0; at < sources.length; at += atOnce) {
      const opened: LocalBlob[] = [];
      try {
        const part = [];
        for (const { sha256, position } of sources.slice(at, at + atOnce)) {
          part.push({ path: await lend(sha256, opened), position });
        }
        await add({ sources: part });
      } finally {
        opened.forEach((blob) => blob.release());
      }
    }
    if (wasSuperseded(row)) {
      const behind = row.revisedVersion;
      for await (const inline of inlinePages(deps, { seriesId, period, behind })) {
        await add({ inline });
      }
    }
    const refusedPart = { seriesId, range, behind: row.refusedThrough };
    for await (const page of refusalPages(deps, refusedPart)) {
      const part = await refusedRows(blobs, page);
      try {
        for (const { sha256, message } of part.damaged) {
          deps.log.error("a blob of refused rows is damaged", { seriesId, sha256, error: message });
          note({ seriesId, period, step: "compact", message: `${message}: ${KEPT_INLINE}` });
        }
        await add({ refused: part.refused });
      } finally {
        part.lent.forEach((blob) => blob.release());
      }
    }
    // What was kept before is told anew, with its number of rows.
    if (written.length === 0 && previous !== undefined) await add({});
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
