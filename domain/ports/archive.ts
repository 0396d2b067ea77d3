import type { ArchiveProblem } from "@/events/catalog/archive.ts";
import type { SeriesRef } from "../klines/series_ref.ts";

/** What moves ended periods into files, as an operator sees and starts it. */
export interface Archive {
  /**
   * Refusal `conflict` while a run goes on, here or elsewhere. `runId` is the run among those of the
   * archive and of the crawlers, null of one that only tells what would be done; `jobId` is where its
   * progress shows.
   */
  start(
    request: ArchiveStart,
  ): Promise<{ readonly runId: string | null; readonly jobId: string }>;
  overview(): Promise<ArchiveOverview>;
  /** Period files that a run found damaged and could not make again. */
  damaged(): Promise<readonly DamagedFileView[]>;
}

export interface DamagedFileView {
  readonly seriesId: string;
  readonly period: string;
  readonly message: string;
  readonly foundAt: Date;
}

/** What a person may ask of a run. */
export interface ArchiveWish {
  /** Every series when empty. */
  readonly series: readonly SeriesRef[];
  /** Only periods that end before this, epoch ms. */
  readonly before: number | undefined;
  /** Only tell what would be done. */
  readonly dryRun: boolean;
}

export interface ArchiveStart extends ArchiveWish {
  readonly actor: string;
  /** The run's id. */
  readonly commandId: string;
}

export interface ArchiveOverview {
  /** When the next scheduled run is due. */
  readonly nextAt: Date | undefined;
  /** Rows of filed periods go once their last candle is that old. */
  readonly hotDays: number;
  readonly keepReplacedDays: number;
  /** Ended periods without a file, and rows that a run would drop. */
  readonly waiting: {
    readonly periodsToFile: number;
    readonly rowsToFile: number;
    readonly rowsToDrop: number;
  };
  readonly totals: {
    readonly filedPeriods: number;
    readonly filedCandles: number;
    readonly fileBytes: number;
    readonly hotRows: number;
  };
  readonly damaged: readonly DamagedFileView[];
  /** The run that goes on, on whichever instance. */
  readonly running: ArchiveProgress | undefined;
  /** The newest first. */
  readonly runs: readonly ArchiveRunView[];
}

export interface ArchiveProgress {
  /** Null of a run of another instance. */
  readonly jobId: string | null;
  readonly startedAt: Date;
  /** What it does now, e.g. `file candles`, counted in `unit`. */
  readonly label: string;
  readonly unit: string;
  readonly done: number;
  readonly total: number | undefined;
  /** Since this part began. */
  readonly perSecond: number;
  /** Until this part is done; undefined while nothing can be told. */
  readonly etaMs: number | undefined;
}

export interface ArchiveRunView {
  readonly runId: string;
  readonly status: "running" | "succeeded" | "failed" | "stopped";
  readonly actor: string;
  readonly startedAt: Date;
  readonly heardAt: Date;
  readonly periodsToFile: number;
  readonly rowsToFile: number;
  readonly rowsToDrop: number;
  readonly periodsFiled: number;
  readonly rowsFiled: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly rowsDropped: number;
  readonly bytesCompacted: number;
  readonly blobsDeleted: number;
  readonly bytesFreed: number;
  readonly problems: readonly ArchiveProblem[];
  readonly problemsTotal: number;
}
