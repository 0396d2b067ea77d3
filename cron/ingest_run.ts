import type { Blobs } from "@/events/blobs/blobs.ts";
import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { IngestOptions, IngestOutcome } from "@/domain/ports/kline_ingest.ts";
import type { Lake, Scale } from "@/domain/ports/lake.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Workspace } from "@/domain/ports/workspace.ts";
import type { Db } from "@/projections/db.ts";
import type { Projections } from "@/projections/define.ts";

export interface IngestDeps {
  readonly store: EventStore;
  readonly database: Database;
  readonly db: Db;
  readonly projections: Projections;
  readonly lake: Lake;
  readonly blobs: Blobs;
  readonly workspace: Workspace;
  readonly clock: Clock;
  readonly log: Log;
  readonly isSimulated: (exchange: string) => boolean;
  /** Periods that ended longer ago go straight to their files. */
  readonly hotDays: number;
}

/** What one ingest is about, given to each of its steps. */
export interface IngestRun extends IngestOptions {
  readonly seriesId: string;
  readonly series: SeriesRef;
  readonly now: number;
}

/** The scale that an ingest's files are written at. */
export interface SeriesScale {
  /** Asked for by the first period that writes: rows that are not taken widen nothing. */
  widened(): Promise<Scale>;
  /**
   * Brings files of a smaller scale to the series' scale, also those that another ingest wrote or
   * widened meanwhile: engines that read the lake by a glob round to the first file's scale. Never
   * throws: the candles are recorded by then. What failed is logged and left to the archive.
   */
  settle(): Promise<void>;
}

/** Counts of one part of an ingest and the position of what it recorded (0: nothing). */
export type PartOutcome =
  & Pick<IngestOutcome, "ingested" | "revised" | "unchanged" | "heldBetter" | "position">
  & Partial<Pick<IngestOutcome, "rejected" | "rejectedTotal">>;

/** Command ids of the parts of an ingest, so that a repeat finds each part that was recorded. */
export function partId({ commandId }: IngestRun, part: string): string {
  return uuidV5(commandId, part);
}
