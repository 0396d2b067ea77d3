import type { SourceDay } from "./source_day.ts";

/** All that a daily report tells. */
export interface DailyFacts {
  /** The day in the time zone, `2026-03-01`. */
  readonly date: string;
  readonly sources: readonly SourceDay[];
  readonly failing: readonly FailingSource[];
  /** Series that lack candles. */
  readonly gaps: readonly SeriesGaps[];
  readonly archive: Upkeep;
  readonly backup: Upkeep;
  readonly disk: Disk;
  /** Alerts that some channel has not taken yet. */
  readonly undelivered: number;
  /** Alerts that were given up that day: nobody will be told. */
  readonly givenUp: number;
  /** Whether the day is over; until then the report is of what there is of it. */
  readonly isOver: boolean;
  /** Another day has passed since: what is failing, missing and free now says nothing of this one. */
  readonly isPast: boolean;
}

/** A source that fails when the report is written. */
export interface FailingSource {
  readonly source: string;
  /** Epoch ms. */
  readonly since: number;
  readonly runs: number;
  readonly errorClass: string;
  readonly errorMessage: string;
}

export interface SeriesGaps {
  readonly seriesId: string;
  /** Candles that are not held and may exist. */
  readonly missing: number;
  /** Candles that the exchange was found not to have. */
  readonly verifiedEmpty: number;
}

/** A job that keeps the data safe. */
export type Upkeep =
  | { readonly status: "not_configured" }
  | { readonly status: "never" }
  | { readonly status: "ok"; readonly at: number; readonly files: number; readonly bytes: number }
  | { readonly status: "failing"; readonly since: number; readonly error: string };

export interface Disk {
  readonly freeBytes: number;
  /** Undefined where the system does not say. */
  readonly totalBytes: number | undefined;
  /** What the data directory takes; undefined where nobody counted. */
  readonly dataBytes: number | undefined;
}

/** Too little room is 5 GB, of a small disk a tenth. */
export function isDiskLow({ freeBytes, totalBytes = Infinity }: Disk): boolean {
  return freeBytes < Math.min(5_000_000_000, totalBytes * 0.1);
}
