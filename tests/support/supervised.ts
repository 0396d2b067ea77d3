import { setImmediate } from "node:timers";
import type { Job } from "@/cron/job.ts";
import { createJobs } from "@/cron/jobs.ts";
import { type OpenCrawlers, openCrawlers } from "@/cron/open_crawlers.ts";
import { openMemoryBlobs } from "@/adapters/blobs/memory.ts";
import { systemClock } from "@/adapters/clock.ts";
import type { AlertChannel, AlertMessage } from "@/domain/ports/alert_channel.ts";
import type { Jobs } from "@/domain/ports/jobs.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import type { Recorded } from "@/events/define.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore, type SqlEventStore } from "@/events/store/sql_store.ts";
import { trusted } from "@/events/trust.ts";
import { alertDeliveries } from "@/projections/alert_deliveries.ts";
import { archiveRuns } from "@/projections/archive_runs.ts";
import { createCrawlerQueries } from "@/projections/crawler_board.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import { crawlerRuns } from "@/projections/crawler_runs.ts";
import { crawlerSources } from "@/projections/crawler_sources.ts";
import { crawlerVenues } from "@/projections/crawler_venues.ts";
import { openDb } from "@/projections/db.ts";
import { createFollower, type Follower } from "@/projections/follower.ts";
import { klinePeriods } from "@/projections/kline_periods.ts";
import { marketReports } from "@/projections/market_reports.ts";
import type { Projections } from "@/projections/define.ts";
import { createReportQueries } from "@/projections/report_board.ts";
import type { ReportQueries } from "@/projections/report_queries.ts";
import { series } from "@/projections/series.ts";
import { createSeriesQueries } from "@/projections/series_board.ts";
import { type FakeClock } from "./fake_clock.ts";
import { quietLog } from "./quiet_log.ts";

const PROJECTIONS = [
  ...[crawlerRuns, crawlerSources, crawlerVenues, alertDeliveries, marketReports],
  ...[series, klinePeriods, archiveRuns],
];

/** One instance of the service as far as it supervises, on a clock that a test turns. */
export interface Instance extends OpenCrawlers {
  readonly store: SqlEventStore;
  readonly queries: CrawlerQueries;
  readonly reports: ReportQueries;
  readonly jobs: Jobs;
  readonly blobs: Blobs;
  /** Whether the database is being asked, or the read models are waited for. */
  isBusy(): boolean;
  /** Lets time pass until nothing runs and the read models show it. */
  idle(): Promise<void>;
  /** Lets time pass until it holds. */
  until(holds: () => boolean): Promise<void>;
  /** While cut, everything asked of the database fails. */
  cut(isCut: boolean): void;
  /** Cuts it for good at the moment at which it would append an event of that type. */
  dieBefore(type: string): void;
  /** Events of every run, in order. */
  log(): Promise<readonly Recorded<CrawlerRunEvent>[]>;
  /** As a service that is told to stop. */
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly clock: FakeClock;
  /** Given the store and the blobs, for sources that record. */
  readonly sources: (
    parts: {
      store: SqlEventStore;
      blobs: Blobs;
      reports: ReportQueries;
      projections: Pick<Projections, "waitFor">;
    },
  ) => readonly Job[];
  readonly channels?: readonly AlertChannel[] | undefined;
  readonly random?: (() => number) | undefined;
  /** True when left out. */
  readonly isScheduled?: boolean | undefined;
  /** Whether something outside the database is under way, so that time must not pass. */
  readonly isBusy?: (() => boolean) | undefined;
}

export async function startInstance(
  real: Database,
  options: InstanceOptions,
): Promise<Instance> {
  const { clock, sources, channels = [], isScheduled = true } = options;
  const { random = () => 0.5, isBusy = () => false } = options;
  const { database, underWay, isCut, cut, dieBefore } = counted(real);
  await migrate(database);
  const store = await createSqlStore({ database, catalog });
  const following = { database, store, projections: PROJECTIONS, log: quietLog };
  const follower = createFollower({ ...following, clock: systemClock, pollMs: 500 });
  await follower.start();
  const db = openDb(database);
  let waiting = 0;
  /** What has just been written is not to be missing because a caller would be answered by now. */
  const projections: Follower = {
    ...follower,
    async waitFor(position, timeoutMs = 0, names) {
      waiting++;
      try {
        return await follower.waitFor(position, Math.max(timeoutMs, SEEN_MS), names);
      } finally {
        waiting--;
      }
    },
  };
  // The read models follow by the real clock; what is cut off from them is not waited for.
  const isWorking = () => underWay() > 0 || (waiting > 0 && !isCut());
  const blobs = openMemoryBlobs();
  const jobs = createJobs({ clock, log: quietLog, keep: 10_000 });
  const queries = createCrawlerQueries(db);
  const reports = createReportQueries(db);
  const crawlers = openCrawlers({
    ...{ database, db, store, blobs, queries, jobs, channels, clock, random, log: quietLog },
    ...{
      projections,
      series: createSeriesQueries(db),
      sources: sources({ store, blobs, reports, projections }),
    },
    disk: () => Promise.resolve({ freeBytes: 4e10, totalBytes: 1e11, dataBytes: undefined }),
  }, {
    ...{ language: "en", timeZone: "Asia/Shanghai", reportAt: "09:00" },
    ...{
      isScheduled,
      crawlRetryDelayMs: 60_000,
      crawlTimeoutMs: 300_000,
      linkTo: (id) => `http://h/${id}`,
    },
  });

  /** Time stands still while somebody works. */
  async function until(holds: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let still = 0; !holds();) {
      if (performance.now() > deadline) throw new Error(`It never came to hold: ${holds}`);
      await new Promise<void>((resolve) => setImmediate(resolve));
      still = !isWorking() && !isBusy() ? still + 1 : 0;
      if (still < STILL_TURNS) continue;
      still = 0;
      const [next] = clock.sleepers();
      if (next !== undefined) clock.advance(next);
    }
  }

  return {
    ...{ ...crawlers, store, queries, reports, jobs, blobs, cut, dieBefore, until },
    isBusy: isWorking,
    async idle() {
      await until(() => jobs.list().every(({ status }) => status !== "running"));
      await follower.waitFor(await store.head(), SEEN_MS);
    },
    async log() {
      const events = await store.readAll({ after: 0, limit: 100_000 });
      return trusted(events.filter(({ stream }) => stream.startsWith("crawler_run-")));
    },
    async stop() {
      const stopped = Promise.all([jobs.close(), crawlers.close()]);
      let isOver = false;
      stopped.finally(() => isOver = true);
      await until(() => isOver);
      await follower.stop();
      await store.close();
    },
  };
}

const SEEN_MS = 20_000;
/** For a test that would hang. */
const PATIENCE_MS = 120_000;

/** Turns of the event loop without a question to the database after which nobody works. */
const STILL_TURNS = 4;

interface Counted {
  readonly database: Database;
  readonly underWay: () => number;
  readonly isCut: () => boolean;
  readonly cut: (isCut: boolean) => void;
  readonly dieBefore: (type: string) => void;
}

/** Counts what is being asked; cut, answers as a server that is gone. */
function counted(real: Database): Counted {
  let [underWay, isCut] = [0, false];
  let last: string | undefined;
  const database = new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function" || name === "listen") {
        return typeof method === "function" ? method.bind(target) : method;
      }
      return async (...given: unknown[]) => {
        if (isAppendOf(last, given)) isCut = true;
        if (isCut) throw new DatabaseError("connection lost", { sqlstate: "08006" });
        underWay++;
        try {
          return await Reflect.apply(method, target, given);
        } finally {
          underWay--;
        }
      };
    },
  });
  return {
    ...{ database, underWay: () => underWay, isCut: () => isCut, cut: (value) => isCut = value },
    dieBefore: (type) => last = type,
  };
}

function isAppendOf(type: string | undefined, [sql, params]: readonly unknown[]): boolean {
  if (type === undefined || typeof sql !== "string" || !/\bappend\(/.test(sql)) return false;
  return Array.isArray(params) && params.flat().includes(type);
}

/** A channel that keeps what it is told; `refuses` is asked each time. */
export function notedChannel(
  name: string,
  refuses: () => Error | undefined = () => undefined,
): AlertChannel & { readonly told: AlertMessage[] } {
  const told: AlertMessage[] = [];
  return {
    ...{ name, told, maxMarkdownBytes: 100_000, close() {} },
    send(message) {
      const refusal = refuses();
      if (refusal !== undefined) return Promise.reject(refusal);
      told.push(message);
      return Promise.resolve();
    },
  };
}
