import type { KlineRow, OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Candle, Source } from "../klines/candle.ts";
import type { Interval } from "../klines/interval.ts";
import type { RejectReason } from "../klines/validate.ts";

/**
 * The engine of the lake: reads import files, validates and compares set-based, writes and reads
 * Parquet. Rows never cross as objects beyond a few hundred. Failures are AdapterErrors;
 * a file that is not what it is said to be is a Refusal.
 */
export interface Lake {
  /** Reads files into one staged batch: parsed, validated, sorted, of equal open times the last one kept. */
  stage(input: StageInput, signal?: AbortSignal): Promise<StagedBatch>;
  /** Puts together what a period holds, out of batches and rows. */
  gather(input: GatherInput): Promise<GatheredCandles>;
  /** Candles out of files and hot rows, as bytes built by the engine. */
  read(query: LakeQuery, signal?: AbortSignal): Promise<LakeResult>;
  /** A batch or period file as column arrays for a bulk insert, `size` rows at a time. */
  columns(path: string, size: number): AsyncIterable<KlineColumns>;
  /** Rows, bounds and a checksum over all columns, for verification and comparison. */
  describe(path: string): Promise<FileFacts>;
  /**
   * Keeps what the current file of a period does not hold of what is about to go, and the refused rows
   * beside it; answers how many rows the written file has, which is not written when there is none.
   */
  revisions(input: RevisionsInput, outPath: string): Promise<number>;
  /** Rewrites a file at a wider scale; the candles stay equal. */
  rescale(path: string, scale: Scale, outPath: string): Promise<FileFacts>;
  /** Joins the rows of `path` that lie outside `[from, to)` into `outPath`; undefined when none is left. */
  without(path: string, range: OpenTimeRange, outPath: string): Promise<FileFacts | undefined>;
  /** Joins Parquet results of `read`, one after the other, into one file. */
  join(paths: readonly string[], outPath: string): Promise<void>;
  close(): Promise<void>;
}

/** Decimals kept: prices, base volumes, quote volumes. */
export interface Scale {
  readonly price: number;
  readonly volume: number;
  readonly quote: number;
}

export interface GatherInput {
  /** In order: of equal open times the candle of the later part stays. */
  readonly parts: readonly GatherPart[];
  readonly interval: Interval;
  /** Decimals that the series' files hold: what is gathered may need more. */
  readonly scale: Scale;
}

export type GatherPart =
  /** A batch or period file of ours. */
  | { readonly kind: "file"; readonly path: string }
  /** Each open time once. */
  | { readonly kind: "rows"; readonly rows: HotRows }
  /** Takes the candles of earlier parts out. */
  | { readonly kind: "removal"; readonly range: OpenTimeRange };

export interface GatheredCandles {
  readonly rows: number;
  /** At least as wide as asked, exact for every value. */
  readonly scale: Scale;
  /** Facts of the candles as gathered, not as the file reads. Throws when there is none. */
  write(scale: Scale, outPath: string): Promise<FileFacts>;
  drop(): Promise<void>;
}

export interface RevisionsInput {
  /** Period file that stays. */
  readonly current: string;
  /** Batches and older files of the period, each with the position of the event that names it; any number. */
  readonly sources: readonly { readonly path: string; readonly position: number }[];
  /** Candles of the period that came a few at a time. */
  readonly inline: readonly InlineCandles[];
  /** Rows that were refused; of them, those that name an open time in `range` are kept. */
  readonly refused: readonly RefusedRows[];
  /** Open times of the period. */
  readonly range: OpenTimeRange;
  /** What was kept so far. */
  readonly previous: string | undefined;
}

/** What one `KlinesRecorded` holds itself. */
export interface InlineCandles {
  readonly position: number;
  readonly source: Source;
  readonly candles: readonly KlineRow[];
}

/** What one `KlinesRejected` kept. */
export interface RefusedRows {
  readonly position: number;
  readonly source: Source;
  /** All of them as Parquet (row, reason, values); `rows` are all where there is none. */
  readonly path: string | undefined;
  readonly rows: readonly {
    readonly row: number;
    readonly reason: string;
    readonly values: string;
  }[];
}

export type FileFormat = "csv" | "json" | "freqtrade" | "parquet";

export interface StagedFile {
  readonly path: string;
  readonly format: FileFormat;
  readonly gzip: boolean;
  /** Parquet that says it unpacks to more, or to more rows than so much text holds, is `payload_too_large`. */
  readonly maxUnpackedBytes?: number | undefined;
}

export interface StageInput {
  /** In order: of equal open times the row of the later file, and in a file the later row, wins. */
  readonly files: readonly StagedFile[];
  readonly interval: Interval;
  /** A candle that closes after this is `not_closed`. */
  readonly now: number;
}

export interface StagedBatch {
  /** Rows read, valid or not. */
  readonly rows: number;
  readonly accepted: number;
  readonly rejectedTotal: number;
  readonly reasons: Readonly<Partial<Record<RejectReason, number>>>;
  /** The first 256; `row` counts from 1 over all files, headers not counted. */
  readonly rejected: readonly {
    readonly row: number;
    readonly reason: RejectReason;
    readonly values: string;
  }[];
  /** Decimals its values need. */
  readonly scale: Scale;
  /** Rows that say the same as a later row: neither accepted nor refused. */
  readonly repeated: number;
  /** Accepted candles that say they close after their slot has ended: those of a larger interval. */
  readonly overlong: number;
  /** The larger interval that the candles have by their open times, where they tell no close times. */
  readonly coarser: Interval | undefined;
  /** The input had at least one of the columns after volume. */
  readonly carriesDetail: boolean;
  /** Ascending. */
  readonly periods: readonly StagedPeriod[];
  /** All rejected rows (row, reason, values) as Parquet; undefined when there are none. */
  writeRejected(outPath: string): Promise<RejectedFile | undefined>;
  /** What the batch means for a period as it is held; remembered for the write that follows. */
  compare(period: string, held: HeldCandles, options: CompareOptions): Promise<Comparison>;
  /** The new and revised rows of the last compare of this period. */
  delta(period: string): Promise<Candle[]>;
  writeDelta(period: string, outPath: string): Promise<FileFacts>;
  /** Held rows and new and revised ones together, sorted, at this scale or wider. */
  writeMerged(period: string, scale: Scale, outPath: string): Promise<FileFacts>;
  /** Frees the staged rows. */
  drop(): Promise<void>;
}

export interface RejectedFile {
  /** First open time that its rows name, and one past the last; an empty range where none names one. */
  readonly openTimes: OpenTimeRange;
}

export interface StagedPeriod {
  readonly period: string;
  readonly rows: number;
  readonly firstOpenTime: number;
  readonly lastOpenTime: number;
}

/** What a period holds now: its file, or its hot rows as {@linkcode HotRows}. */
export interface HeldCandles {
  readonly file?: string | undefined;
  readonly hot?: HotRows | undefined;
}

/**
 * Hot rows as the database wrote them: CSV without a header, columns open_time, open, high, low,
 * close, volume, close_time, quote_volume, trades_count, taker_buy_volume, taker_buy_quote_volume,
 * source (rank); empty = null; `\n` line ends.
 */
export type HotRows = string;

export interface CompareOptions {
  readonly source: Source;
  /** Let this batch revise candles of a better source. */
  readonly overwrite: boolean;
}

export interface Comparison {
  readonly ingested: number;
  readonly revised: number;
  readonly unchanged: number;
  readonly heldBetter: number;
  /** Slots that only this batch holds. */
  readonly added: readonly OpenTimeRange[];
}

export interface FileFacts {
  readonly rows: number;
  readonly firstOpenTime: number;
  readonly lastOpenTime: number;
  /** Slots held. */
  readonly held: readonly OpenTimeRange[];
  readonly scale: Scale;
  /** Over every column of every row, independent of scale and file layout. */
  readonly checksum: string;
}

export type ReadFormat = "arrays" | "objects" | "csv" | "parquet" | "freqtrade";

export interface LakeQuery {
  /** Ascending, not overlapping. */
  readonly files: readonly string[];
  readonly hot?: HotRows | undefined;
  /** Interval of the stored candles. */
  readonly stored: Interval;
  /** Interval asked for: the stored one, or a multiple to aggregate to. */
  readonly interval: Interval;
  /** Bars open as clocks show them that are so far ahead of UTC; only aggregated and not filled ones. */
  readonly offsetMs?: number | undefined;
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly order: "asc" | "desc";
  /** Which `limit` candles are kept; they are in `order` either way. */
  readonly keep: "oldest" | "latest";
  readonly fill: "none" | "previous";
  /** Slots of the answer where it is smaller than `[from, to)`: a hole at its edge is filled from what lies beyond. */
  readonly shown?: OpenTimeRange | undefined;
  /** Keep an aggregated bar whose last stored slot is after `completeTo`. */
  readonly partial: boolean;
  /** Stored candles are complete up to here (exclusive): the end of the last held slot. */
  readonly completeTo: number;
  readonly format: ReadFormat;
  /** Decimal strings instead of JSON numbers in arrays and objects. */
  readonly numbers: "number" | "string";
}

export interface LakeResult {
  /** JSON array text, CSV with a header, Parquet or freqtrade's gzipped JSON. */
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly firstOpenTime: number | undefined;
  readonly lastOpenTime: number | undefined;
  /** Rows beyond `limit` exist in the asked range. */
  readonly more: boolean;
}

/** One array literal of PostgreSQL a column (`{1,2,NULL}`), in the order of {@linkcode HotRows}. */
export interface KlineColumns {
  readonly rows: number;
  readonly literals: readonly string[];
}
