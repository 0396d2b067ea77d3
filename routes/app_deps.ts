import type { EventStore } from "@/events/store/store.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import type { BlobRanges } from "@/domain/ports/blob_ranges.ts";
import type { Archive } from "@/domain/ports/archive.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Crawlers } from "@/domain/ports/crawlers.ts";
import type { ExchangeStanding } from "@/domain/ports/exchange_standing.ts";
import type { Jobs, JobStatus } from "@/domain/ports/jobs.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { KlineReader } from "@/domain/ports/kline_reader.ts";
import type { KlineRemoval } from "@/domain/ports/kline_removal.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { OpenCandles } from "@/domain/ports/open_candles.ts";
import type { ProcessFacts } from "@/domain/ports/process_facts.ts";
import type { Spool } from "@/domain/ports/spool.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import type { Projections } from "@/projections/define.ts";
import type { LakeFiles } from "@/projections/lake_files.ts";
import type { ReportQueries } from "@/projections/report_queries.ts";
import type { SeriesStats } from "@/projections/series_stats.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import type { Authenticate } from "./auth.ts";
import type { RateLimits } from "./rate_limit.ts";

/** Everything the routes need of the house. */
export interface AppDeps {
  readonly store: EventStore;
  readonly series: SeriesQueries;
  readonly reader: KlineReader;
  readonly lakeFiles: LakeFiles;
  readonly blobRanges: BlobRanges;
  /** Undefined for a series that is not known. */
  readonly seriesStats: (seriesId: string) => Promise<SeriesStats | undefined>;
  readonly openCandles: OpenCandles;
  readonly ingest: KlineIngest;
  readonly removal: KlineRemoval;
  readonly projections: Projections;
  readonly jobs: Pick<Jobs, "find" | "list" | "stop">;
  readonly startCrawl: (request: CrawlStart) => JobStatus;
  /** Refusal `not_found` for a name that no read model has. */
  readonly startRebuild: (projection: string) => JobStatus;
  readonly archive: Archive;
  readonly crawlers: Crawlers;
  readonly crawlerQueries: CrawlerQueries;
  readonly exchangeStandings: () => readonly ExchangeStanding[];
  readonly reports: ReportQueries;
  /** Undefined for a day of which nothing is known; `date` is one of `TIME_ZONE`. */
  readonly dailyReport: (date: string) => Promise<DailyReportView | undefined>;
  /** Names of the channels that alerts go to. */
  readonly alertChannels: readonly string[];
  readonly venues: Venues;
  readonly spool: Spool;
  /** Free bytes where the data lie. */
  readonly freeBytes: () => Promise<number>;
  readonly processFacts: () => ProcessFacts;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: AppSettings;
  /** Aborted when the service stops: streams end, long work is given up. */
  readonly signal: AbortSignal;
}

export interface DailyReportView {
  /** `2026-03-01`. */
  readonly date: string;
  readonly title: string;
  readonly markdown: string;
  /** When people were told, epoch ms. */
  readonly raisedAt: number | null;
  readonly isOver: boolean;
}

export interface AppSettings {
  /** `private`: reading candles needs a token with the scope `read`. */
  readonly marketData: "open" | "private";
  /** `admin`: metrics are for the operator alone. */
  readonly metrics: "admin" | "open";
  /** IANA name; days of reports are days of it. */
  readonly timeZone: string;
  readonly rateLimits: RateLimits;
  /** Foreign protocols show the running candle as their own services do. */
  readonly openCandle: boolean;
  /** A silent WebSocket is pinged after half of it and given up after all of it. */
  readonly socketSilenceS?: number;
  /** Of the database's connections; readers have the others. Undefined where there is but one way in. */
  readonly connectionsForWrites?: number | undefined;
  /** Reverse proxies that append to X-Forwarded-For. */
  readonly trustProxy: number;
  /** `false`: this process starts no work by itself. */
  readonly scheduled?: boolean;
  /** This installation runs on made-up candles. */
  readonly simulated: boolean;
  /** Shown in the API's description. */
  readonly version: string;
  /** Keys the fingerprints of request bodies, so that the log does not betray them; the same on all instances. */
  readonly fingerprintKey: string;
}

export interface CrawlStart {
  readonly series: SeriesRef;
  /** Epoch ms, inclusive. */
  readonly since: number | undefined;
  /** Exclusive. */
  readonly until: number | undefined;
  /** Ask again for what is held. */
  readonly refetch: boolean;
  readonly actor: string;
}

export interface Venues {
  /** Whether the venue's candles are made up. */
  isSimulated(exchange: string): boolean;
  /** Every venue that there is, the simulated one too. */
  ids(): Promise<readonly string[]>;
  /** Refusal `not_found` with near matches for an id that is no venue's. */
  require(exchange: string): Promise<void>;
  /** The venue's unified symbol; Refusal `not_found` with near matches, or when the venue is unknown. */
  resolveSymbol(exchange: string, symbol: string, signal: AbortSignal): Promise<string>;
}
