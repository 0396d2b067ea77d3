import type { Cache } from "@/domain/ports/cache.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { KlinePage, KlineReader } from "@/domain/ports/kline_reader.ts";
import type { Lake } from "@/domain/ports/lake.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { alertDeliveries } from "./alert_deliveries.ts";
import { archiveRuns } from "./archive_runs.ts";
import { blobUses } from "./blob_uses.ts";
import { createCrawlerQueries } from "./crawler_board.ts";
import type { CrawlerQueries } from "./crawler_queries.ts";
import { crawlerRuns } from "./crawler_runs.ts";
import { crawlerSources } from "./crawler_sources.ts";
import { crawlerVenues } from "./crawler_venues.ts";
import { namingDamagedReads, notingDamage } from "./damaged_reads.ts";
import { type Db, openDb } from "./db.ts";
import { createFollower, type Follower } from "./follower.ts";
import { damagedFiles, fileRounds } from "./file_checks.ts";
import { klinePeriods } from "./kline_periods.ts";
import { createKlineReader } from "./kline_reader.ts";
import { klineRefusals } from "./kline_refusals.ts";
import { klines } from "./klines.ts";
import { createLakeFiles, type LakeFiles } from "./lake_files.ts";
import { marketReports } from "./market_reports.ts";
import { periodBlobs } from "./period_blobs.ts";
import { replacedFiles } from "./replaced_files.ts";
import { createReportQueries } from "./report_board.ts";
import type { ReportQueries } from "./report_queries.ts";
import { series } from "./series.ts";
import { findSeriesStats, type SeriesStats } from "./series_stats.ts";
import { createSeriesQueries } from "./series_board.ts";
import type { SeriesQueries } from "./series_queries.ts";

export interface ReadModelDeps {
  readonly database: Database;
  readonly store: EventStore;
  readonly lake: Lake;
  readonly blobs: Blobs;
  readonly cache: Cache<KlinePage>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Every read model and its queries; nothing is followed before `follower.start()`. */
export interface ReadModels {
  readonly db: Db;
  readonly follower: Follower;
  readonly projectionNames: readonly string[];
  readonly reader: KlineReader;
  /** The same blobs, for whoever reads period files: {@linkcode damagedReads} hears of damaged ones. */
  readonly lentBlobs: Pick<Blobs, "local">;
  /** Names of blobs that readers of this process found damaged. */
  readonly damagedReads: Set<string>;
  readonly series: SeriesQueries;
  readonly crawlers: CrawlerQueries;
  readonly reports: ReportQueries;
  readonly lakeFiles: LakeFiles;
  readonly seriesStats: (seriesId: string) => Promise<SeriesStats | undefined>;
}

export function openReadModels(deps: ReadModelDeps): ReadModels {
  const { database, store, lake, blobs, cache, clock, log } = deps;
  const db = openDb(database);
  const projections = [
    ...[series, klinePeriods, klines({ blobs, lake, store })],
    ...[archiveRuns, periodBlobs, replacedFiles, blobUses, klineRefusals, damagedFiles],
    ...[fileRounds, marketReports],
    ...[crawlerRuns, crawlerSources, crawlerVenues, alertDeliveries],
  ];
  const follower = createFollower({ database, store, projections, clock, log });
  const damagedReads = new Set<string>();
  const lentBlobs = notingDamage(blobs, damagedReads);
  const reader = createKlineReader({ database, db, lake, blobs: lentBlobs, cache });
  follower.onApplied((events) => reader.changed(events));
  return {
    ...{ db, follower, series: createSeriesQueries(db), lakeFiles: createLakeFiles(db) },
    ...{ lentBlobs, damagedReads },
    ...{ crawlers: createCrawlerQueries(db), reports: createReportQueries(db) },
    reader: namingDamagedReads(reader, db),
    seriesStats: (seriesId) => findSeriesStats(db, seriesId),
    projectionNames: projections.map(({ name }) => name),
  };
}
