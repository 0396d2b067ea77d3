import type { Candle, Source } from "../klines/candle.ts";
import type { RejectedRow } from "../klines/import_counts.ts";
import type { SeriesRef } from "../klines/series_ref.ts";
import type { StageInput } from "./lake.ts";
import type { Progress } from "./progress.ts";

/** Takes candles in: validates, compares with what is held, records, and waits until queryable. */
export interface KlineIngest {
  /** Files of any size. */
  ingestFiles(
    series: SeriesRef,
    files: StageInput["files"],
    options: IngestOptions,
  ): Promise<IngestOutcome>;
  /** A few candles, as a live crawl has them (≤ 256). */
  ingestCandles(
    series: SeriesRef,
    candles: readonly Candle[],
    options: IngestOptions,
  ): Promise<IngestOutcome>;
}

export interface IngestOptions {
  readonly source: Source;
  readonly actor: string;
  /** Derives the ids of everything recorded; a repeat with the same one answers the same. */
  readonly commandId: string;
  /** The id was made for this call: there is nothing to look for that it may have recorded. */
  readonly isNew?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  /** The exchange's time when it was asked, else our clock's. */
  readonly now?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}

export interface IngestOutcome {
  readonly ingested: number;
  readonly revised: number;
  readonly unchanged: number;
  readonly heldBetter: number;
  readonly rejectedTotal: number;
  /** The first 100. */
  readonly rejected: readonly RejectedRow[];
  /** Position at or after which all of it is queryable. */
  readonly position: number;
  /** False when the read models had not caught up within two seconds; nothing is lost. */
  readonly visible: boolean;
}
