import type { EventStore } from "@/events/store/store.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { AbsentRange } from "@/domain/klines/coverage.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Exchanges } from "@/domain/ports/exchange.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import type { Workspace } from "@/domain/ports/workspace.ts";
import type { Db } from "@/projections/db.ts";
import type { Projections } from "@/projections/define.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import type { VenueAsker } from "./ask_venue.ts";
import type { KnownEmpty } from "./fetch_range.ts";

export interface CrawlDeps {
  readonly exchanges: Exchanges;
  readonly ingest: KlineIngest;
  readonly store: EventStore;
  readonly db: Db;
  readonly projections: Projections;
  readonly series: Pick<SeriesQueries, "coverage" | "lastError" | "list" | "watched">;
  readonly workspace: Workspace;
  readonly clock: Clock;
  /** From 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly log: Log;
  /** Where histories begin that say nothing else, epoch ms. */
  readonly historyStart: number;
}

export interface CrawlSeriesRequest {
  /** With the venue's unified symbol. */
  readonly series: SeriesRef;
  /** First open time wanted; the installation's default otherwise. */
  readonly since?: number | undefined;
  /** Exclusive; the venue's time otherwise. */
  readonly until?: number | undefined;
  /** Ask again for what is held. */
  readonly refetch?: boolean | undefined;
  /** Ask for exactly these, whatever is held; ascending and disjoint. */
  readonly ranges?: readonly OpenTimeRange[] | undefined;
  /** The newest candles, all that is older, or both in this order. */
  readonly mode: "live" | "history" | "all";
}

export interface CrawlRun {
  /** Who acts, e.g. `job:klines-live`. */
  readonly actor: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Hears of candles as they are stored. */
  readonly stored?: ((candles: number) => void) | undefined;
}

/** What the steps of one series' crawl share. */
export interface PartContext extends CrawlRun {
  readonly deps: CrawlDeps;
  readonly asker: VenueAsker;
  readonly series: SeriesRef;
  /** Of this crawl alone: the ids of all it records derive from it. */
  readonly runId: string;
  readonly empty: KnownEmpty;
  /** What the venue was known not to have when the crawl began. */
  readonly absent: readonly AbsentRange[];
}
