import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { ImportCounts } from "../klines/import_counts.ts";
import type { Interval } from "../klines/interval.ts";
import type { SeriesRef } from "../klines/series_ref.ts";
import type { ArchiveWish } from "./archive.ts";
import type { ImportFile } from "./local_files.ts";
import type { Progress } from "./progress.ts";

/**
 * One installation as the commands see it: its data directory opened by this process, or the
 * process that runs on it, asked through its API.
 */
export interface Installation {
  readonly place: "here" | "running";
  /**
   * The series with its counts, to import into; a new one is added, unwatched, at the latest with its
   * first candles. The symbol may be the venue's own.
   */
  addSeries(series: SeriesRef): Promise<HeldSeries>;
  /** Refusal `not_found` with near matches. An interval that can only be aggregated counts as held. */
  findSeries(series: SeriesRef): Promise<HeldSeries>;
  /** Takes the files in as one batch: of equal open times the later file's row wins. */
  importFiles(request: ImportRequest, work: ImportWork): Promise<ImportCounts>;
  /** Fetches what is missing of `[since, until)`. */
  crawl(request: CrawlRequest, work: Work): Promise<Counts>;
  readPage(query: PageQuery, signal: AbortSignal): Promise<CandlePage>;
  /** Names of the read models. */
  projections(): Promise<readonly string[]>;
  rebuild(projection: string, work: Work): Promise<Counts>;
  /** Moves ended periods into files and drops old rows. */
  archive(wish: ArchiveWish, work: Work): Promise<Counts>;
  /** Names of the jobs that `runJob` knows. */
  jobs(): Promise<readonly string[]>;
  /** Runs a scheduled job once, now. */
  runJob(name: string, work: Work): Promise<Counts>;
  /** Blobs that no event names, older than a day. */
  orphans(work: Work): Promise<readonly Orphan[]>;
}

export interface Work {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface ImportWork extends Work {
  /** The work on this file begins; not called where files are worked on together. */
  readonly reached: (file: ImportFile) => void;
  /**
   * So many candles more are new and kept, whatever becomes of the rest; undefined where some may be
   * and nobody can tell.
   */
  readonly added: (candles: number | undefined) => void;
}

export type Counts = Readonly<Record<string, unknown>>;

export interface HeldSeries {
  readonly id: string;
  /** As it is stored: unified symbol, stored interval. */
  readonly series: SeriesRef;
  readonly simulated: boolean;
  readonly candles: number;
  /** First open time, and one past the last; undefined without candles. */
  readonly range: OpenTimeRange | undefined;
}

export interface ImportRequest {
  readonly series: SeriesRef;
  readonly files: readonly ImportFile[];
  readonly overwrite: boolean;
}

export interface CrawlRequest {
  readonly series: SeriesRef;
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** Ask again for what is held. */
  readonly refetch: boolean;
}

export interface PageQuery {
  /** Its interval may be a multiple of the stored one. */
  readonly series: SeriesRef;
  /**
   * Interval of the stored series that it is made of, the same for all pages: a series that is added
   * meanwhile may hold less. An AdapterError where a page cannot be made of it.
   */
  readonly stored: Interval;
  /** Epoch ms, inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly limit: number;
  readonly format: "csv" | "parquet";
}

export interface CandlePage {
  /** CSV with a header, or Parquet; ascending. */
  readonly bytes: Uint8Array;
  readonly rows: number;
  /** Where the next page starts; undefined at the end. */
  readonly next: number | undefined;
}

export interface Orphan {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly putAt: Date;
}
