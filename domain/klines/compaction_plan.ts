import type { BlobRef } from "@/events/blobs/blobs.ts";
import { DAY_MS } from "./interval.ts";
import type { SeriesRef } from "./series_ref.ts";

export interface HeldBlob extends BlobRef {
  /** Of the event that names it. */
  readonly position: number;
}

export interface ReplacedBlob extends HeldBlob {
  /** Epoch ms. */
  readonly replacedAt: number;
}

/** A filed period and what lies beside its file. */
export interface CompactablePeriod {
  readonly series: SeriesRef;
  readonly seriesId: string;
  readonly period: string;
  readonly hotRows: number;
  readonly batches: readonly HeldBlob[];
  readonly file: HeldBlob | null;
  readonly replaced: readonly ReplacedBlob[];
  /** Something was superseded or refused that its revisions do not hold yet. */
  readonly isRevised: boolean;
}

export interface CompactionPolicy {
  /** Epoch ms. */
  readonly now: number;
  readonly keepReplacedDays: number;
}

/** Whoever planned a read before a file was replaced may still be about to open it. */
const LEAST_KEPT_MS = DAY_MS / 24;
/** Replaced files of a period that are kept whatever their number. */
const MOST_REPLACED = 32;

/**
 * Blobs that the period can do without: batches once its rows are gone, for rows are made anew out of
 * them, and replaced files once they were kept long enough, or where they are many: a client that
 * brings candles one by one leaves a file each. Each once, oldest first.
 */
export function dispensableBlobs(
  { hotRows, batches, file, replaced }: Omit<CompactablePeriod, "isRevised">,
  { now, keepReplacedDays }: CompactionPolicy,
): HeldBlob[] {
  if (file === null || hotRows > 0) return [];
  const keptSince = now - keepReplacedDays * DAY_MS;
  const kept = new Set([
    file.sha256,
    ...thinned(replaced.filter(({ replacedAt }) => replacedAt > keptSince))
      .map(({ sha256 }) => sha256),
    ...replaced.filter(({ replacedAt }) => replacedAt > now - LEAST_KEPT_MS)
      .map(({ sha256 }) => sha256),
  ]);
  const dispensable = new Map<string, HeldBlob>();
  const oldestFirst = [...batches, ...replaced].toSorted((a, b) => a.position - b.position);
  for (const { sha256, sizeBytes, position } of oldestFirst) {
    if (kept.has(sha256) || dispensable.has(sha256)) continue;
    dispensable.set(sha256, { sha256, sizeBytes, position });
  }
  return [...dispensable.values()];
}

/** The newest ones, and of those before them the last of each day. */
function thinned(replaced: readonly ReplacedBlob[]): readonly ReplacedBlob[] {
  const newestFirst = replaced.toSorted((a, b) => b.position - a.position);
  const days = new Map<number, ReplacedBlob>();
  for (const one of newestFirst.slice(MOST_REPLACED)) {
    const day = Math.floor(one.replacedAt / DAY_MS);
    if (!days.has(day)) days.set(day, one);
  }
  return [...newestFirst.slice(0, MOST_REPLACED), ...days.values()];
}
