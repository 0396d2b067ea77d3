import { processFacts } from "@/adapters/process/process_facts.ts";
import { openBlobRanges } from "@/adapters/blobs/ranges.ts";
import { systemClock } from "@/adapters/clock.ts";
import { createDiskSpool } from "@/adapters/spool/disk.ts";
import { openWorkspace } from "@/adapters/workspace/disk.ts";
import { archiveJob, createArchive } from "@/cron/archive/archive_service.ts";
import { createJobs } from "@/cron/jobs.ts";
import { createLeases } from "@/cron/leases.ts";
import { createSeenTimes } from "@/cron/seen_times.ts";
import { createSupervisor } from "@/cron/supervise/supervisor.ts";
import { DEFAULT_RETRY } from "@/domain/crawlers/retry_policy.ts";
import { Refusal } from "@/domain/decider.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import type { JobSpec, JobStatus } from "@/domain/ports/jobs.ts";
import { createCrawlerQueries } from "@/projections/crawler_board.ts";
import { openDb } from "@/projections/db.ts";
import { createLakeFiles } from "@/projections/lake_files.ts";
import { findSeriesStats } from "@/projections/series_stats.ts";
import type { AppDeps, CrawlStart } from "@/routes/app_deps.ts";
import { createApp } from "@/routes/app.ts";
import { authenticateAdmin, type Caller } from "@/routes/auth.ts";
import type { App } from "@/routes/endpoint.ts";
import {
  crawlerQueriesOf,
  crawlersOf,
  type CrawlerTables,
  crawlerTables,
  reportQueriesOf,
} from "./crawler_tables.ts";
import { type OpenDatabase, openEmbedded } from "./embedded.ts";
import { type House, openHouse } from "./house.ts";
import { quietLog } from "./quiet_log.ts";

/** The API over a whole house, by default on an embedded database, asked without a port. */
export interface TestApp {
  readonly app: App;
  readonly house: House;
  readonly deps: AppDeps;
  /** What the routes started. */
  readonly started: Started;
  /** Sends as one of the actors; JSON bodies may be given as values. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>;
  /** The parsed envelope. */
  json(method: string, path: string, options?: AskOptions): Promise<Envelope>;
  /** Ends streams, as a stop of the service does. */
  stop(): void;
  close(): Promise<void>;
}

export interface Started {
  readonly crawls: CrawlStart[];
  readonly rebuilds: string[];
  /** Lets the job with this key end with what it counted. */
  finish(key: string, counts: Readonly<Record<string, unknown>>): void;
}

export type ActorName = "guest" | "stranger" | "reader" | "writer" | "admin";

export interface AskOptions {
  readonly as?: ActorName;
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
}

/** JSON of any shape: tests reach into it. */
type Parsed = Awaited<ReturnType<Response["json"]>>;

export interface Envelope {
  readonly status: number;
  readonly headers: Headers;
  readonly success: boolean;
  readonly data: Parsed;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly field?: string;
    readonly details?: readonly { readonly field?: string; readonly message: string }[];
  };
  readonly meta: Readonly<Record<string, unknown>>;
}

export const TOKENS: Readonly<Record<Exclude<ActorName, "guest">, string>> = {
  stranger: "nobody-holds-this-token",
  reader: "token-of-a-reader",
  writer: "token-of-a-writer",
  admin: "token-of-the-operator",
};

const CALLERS: Readonly<Record<string, Caller>> = {
  [TOKENS.reader]: { kind: "caller", id: "key:reader", admin: false, scopes: ["read"] },
  [TOKENS.writer]: { kind: "caller", id: "key:writer", admin: false, scopes: ["read", "write"] },
};

/** The operator's token as the service checks it, and two keys beside it. */
export async function authenticate(token: string): Promise<Caller | undefined> {
  return await authenticateAdmin(TOKENS.admin)(token) ?? CALLERS[token];
}

export const UNLIMITED = { auth: 0, lab: 0, write: 0, market: 0 } as const;

export async function openApp(
  changes: Partial<Omit<AppDeps, "settings">> & {
    readonly settings?: Partial<AppDeps["settings"]>;
    /** What there is of crawlers and reports; nothing when left out. */
    readonly tables?: CrawlerTables;
  } = {},
  open: () => Promise<OpenDatabase> = openEmbedded,
): Promise<TestApp> {
  const { tables = crawlerTables(), settings, ...others } = changes;
  const clock = others.clock ?? systemClock;
  const folder = await Deno.makeTempDir();
  const { database, close } = await open();
  const house = await openHouse(database, { folder });
  const stopping = new AbortController();
  const bugs: unknown[] = [];
  const jobs = createJobs({ clock: systemClock, log: quietLog });
  const ends = new Map<string, (counts: Readonly<Record<string, unknown>>) => void>();
  const started: Started = {
    ...{ crawls: [], rebuilds: [] },
    finish: (key, counts) => ends.get(key)?.(counts),
  };

  /** Work that goes on until it is told to end, or stopped. */
  function begin(name: string, key: string): JobStatus {
    const run: JobSpec["run"] = ({ signal }) =>
      new Promise((resolve, reject) => {
        ends.set(key, resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    return jobs.start({ name, key, run });
  }

  const { archiving, store, blobs, follower: projections } = house;
  const supervisor = createSupervisor({
    ...{ sources: [archiveJob(archiving, { at: "03:30" })], store, blobs, jobs, projections },
    ...{ queries: createCrawlerQueries(openDb(database)), seen: createSeenTimes(database) },
    ...{ leases: createLeases(database, systemClock), clock: systemClock, random: Math.random },
    ...{ log: quietLog, timeZone: "Asia/Shanghai", retry: DEFAULT_RETRY, timeoutMs: 60_000 },
    isScheduled: false,
  });

  const deps: AppDeps = {
    ...{ store: house.store, series: house.series, reader: house.reader, ingest: house.ingest },
    ...{ removal: house.removal, projections: house.follower },
    ...{
      lakeFiles: createLakeFiles(openDb(database)),
      blobRanges: openBlobRanges(house.lentBlobs),
    },
    seriesStats: (seriesId) => findSeriesStats(openDb(database), seriesId),
    openCandles: { find: () => Promise.resolve(undefined) },
    jobs,
    startCrawl(request) {
      const job = begin("crawl", seriesId(request.series));
      started.crawls.push(request);
      return job;
    },
    startRebuild(name) {
      if (name !== "series") throw new Refusal("not_found", `Cannot find projection ${name}`);
      const job = begin("rebuild", name);
      started.rebuilds.push(name);
      return job;
    },
    archive: createArchive({ ...house.archiving, series: house.series, supervisor }, {
      ...{ jobs, at: "03:30", timeZone: "Asia/Shanghai" },
    }),
    ...{ crawlers: crawlersOf(tables, clock.now), crawlerQueries: crawlerQueriesOf(tables) },
    ...{ reports: reportQueriesOf(tables), alertChannels: [], exchangeStandings: () => [] },
    dailyReport: () => Promise.resolve(undefined),
    venues: {
      isSimulated: (exchange) => exchange === "simulated",
      ids: () => Promise.resolve(VENUES),
      require: requireKnown,
      resolveSymbol: resolveKnown,
    },
    spool: createDiskSpool(await openWorkspace({ directory: `${folder}/spool` })),
    freeBytes: () => Promise.resolve(10_000_000_000),
    processFacts,
    ...{ authenticate, clock, signal: stopping.signal },
    log: { ...quietLog, error: (_message, fields) => bugs.push(fields) },
    ...others,
    settings: {
      ...{ metrics: "admin", timeZone: "Asia/Shanghai" },
      ...{ marketData: "open", rateLimits: UNLIMITED, trustProxy: 0, simulated: false },
      openCandle: true,
      ...{ version: "0.0.0", fingerprintKey: "test" },
      ...settings,
    },
  };
  const app = createApp(deps);

  async function ask(method: string, path: string, options: AskOptions = {}): Promise<Response> {
    const { as = "guest", json, body, headers = {} } = options;
    const token = as === "guest" ? {} : { authorization: `Bearer ${TOKENS[as]}` };
    const type = json === undefined ? {} : { "content-type": "application/json" };
    const response = await app.request(path, {
      method,
      headers: { ...token, ...type, ...headers },
      body: json === undefined ? body ?? null : JSON.stringify(json),
    });
    // A bug must show as what it is, not as a wrong status somewhere else.
    if (bugs.length > 0) throw new Error(`${method} ${path} met a bug: ${Deno.inspect(bugs)}`);
    return response;
  }

  return {
    ...{ app, house, deps, started, ask },
    async json(method, path, options) {
      const response = await ask(method, path, options);
      const { status, headers } = response;
      return { ...await response.json(), status, headers };
    },
    stop: () => stopping.abort(),
    async close() {
      stopping.abort();
      await jobs.close();
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const VENUES: readonly string[] = ["binance", "binanceusdm", "kraken", "okx", "simulated"];

function requireKnown(exchange: string): Promise<void> {
  if (VENUES.includes(exchange)) return Promise.resolve();
  return Promise.reject(new Refusal("not_found", `Cannot find exchange ${exchange}`));
}

/** A venue with one symbol, written as it likes to write it. */
function resolveKnown(exchange: string, symbol: string): Promise<string> {
  if (["BTC/USDT", "BTCUSDT"].includes(symbol)) return Promise.resolve("BTC/USDT");
  const details = [{ field: "symbol", message: "BTC/USDT exists" }];
  return Promise.reject(
    new Refusal("not_found", `Cannot find ${symbol} at ${exchange}`, { details }),
  );
}
