import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import type { LakeFolder } from "@/domain/ports/lake_folder.ts";
import type { IngestDeps } from "../ingest_run.ts";

export interface ArchiveDeps extends IngestDeps {
  /** From 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  /** How long a blob is kept that a newer one has replaced. */
  readonly keepReplacedDays: number;
  /** Blobs of a period that are let go of by one event; 500 when undefined. */
  readonly compactAtOnce?: number | undefined;
  /** Names of blobs that readers found damaged; those that were examined are taken out. */
  readonly damagedReads: Set<string>;
  /** Holds second names, or copies, of the period files. */
  readonly lakeFolder: Pick<LakeFolder, "copyOut">;
}

export interface ArchiveRequest {
  /** Ids; every series when undefined. */
  readonly seriesIds?: readonly string[] | undefined;
  /** Only periods that end before this, epoch ms. */
  readonly before?: number | undefined;
  /** Only tell what would be done. */
  readonly dryRun?: boolean | undefined;
}

/** A period that a run works on. */
export interface ArchivePlace {
  readonly series: SeriesRef;
  readonly seriesId: string;
  readonly period: string;
}

/** Who runs the archive, and the id that everything it records derives from. */
export interface ArchiveRun {
  readonly runId: string;
  readonly actor: string;
  /** A person waits for it: it is recorded also when nothing was due. */
  readonly isAsked?: boolean | undefined;
  readonly signal: AbortSignal;
}
