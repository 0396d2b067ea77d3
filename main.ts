import { statfs } from "node:fs/promises";
import { loadEnvFile } from "node:process";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { createMemoryCache } from "@/adapters/cache/memory.ts";
import { systemClock as clock } from "@/adapters/clock.ts";
import { openDatabase } from "@/adapters/database/open_database.ts";
import { type DirectoryLock, type HeldByOther, lockDirectory } from "@/adapters/directory_lock.ts";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { openDuckdbLake } from "@/adapters/lake/duckdb.ts";
import { parquetJoiner } from "@/adapters/lake/join_parquet.ts";
import { createLog } from "@/adapters/log/json_log.ts";
import { readOrMakeToken } from "@/adapters/process/admin_token.ts";
import { listen } from "@/adapters/process/listen.ts";
import { packageDirOf, permissionFlags } from "@/adapters/process/permission_flags.ts";
import { resolvePath } from "@/adapters/process/resolve_path.ts";
import { onStopSignal, onUncaught } from "@/adapters/process/signals.ts";
import { startStallMeter } from "@/adapters/process/stall_meter.ts";
import { openRunningInstallation } from "@/adapters/remote/chandlery.ts";
import { createDiskSpool } from "@/adapters/spool/disk.ts";
import { createTerminalProgress } from "@/adapters/terminal/progress.ts";
import { startBlock } from "@/adapters/terminal/start_block.ts";
import { openStderr, type Terminal, writeStdout } from "@/adapters/terminal/terminal.ts";
import { openWorkspace } from "@/adapters/workspace/disk.ts";
import { type Config, loadConfig } from "@/config.ts";
import { type Arguments, parseArguments, usage } from "@/cron/commands/arguments.ts";
import type { Command, OpenOptions } from "@/cron/commands/command.ts";
import { COMMANDS } from "@/cron/commands/commands.ts";
import { help, unknownCommand } from "@/cron/commands/help.ts";
import { openInstallation } from "@/cron/commands/open_data.ts";
import { EXIT, explain, runCommand } from "@/cron/commands/run_command.ts";
import { serveSpec } from "@/cron/commands/serve.ts";
import { createServiceWork, startSchedule } from "@/cron/commands/service_work.ts";
import { stopInOrder } from "@/cron/commands/stop_in_order.ts";
import { watchConfigured } from "@/cron/commands/watch_configured.ts";
import { findOrphans } from "@/cron/find_orphans.ts";
import { createKlineIngest } from "@/cron/ingest_klines.ts";
import { createKlineRemoval } from "@/cron/remove_klines.ts";
import { crawlHistory } from "@/cron/crawl_history.ts";
import { crawlLive } from "@/cron/crawl_live.ts";
import { createJobs } from "@/cron/jobs.ts";
import { Refusal } from "@/domain/decider.ts";
import type { Installation } from "@/domain/ports/installation.ts";
import type { KlinePage } from "@/domain/ports/kline_reader.ts";
import type { Log } from "@/domain/ports/log.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { migrate } from "@/events/store/migrate.ts";
import { readSecret } from "@/events/store/secrets.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { upcasters } from "@/events/upcasters/upcasters.ts";
import { openDb } from "@/projections/db.ts";
import { createFollower } from "@/projections/follower.ts";
import { createKlineReader } from "@/projections/kline_reader.ts";
import { klinePeriods } from "@/projections/kline_periods.ts";
import { klines } from "@/projections/klines.ts";
import { series } from "@/projections/series.ts";
import { createSeriesQueries } from "@/projections/series_board.ts";
import { createApp } from "@/routes/app.ts";
import { authenticateAdmin } from "@/routes/auth.ts";
import manifest from "./deno.json" with { type: "json" };

const SPECS = [serveSpec, ...COMMANDS.map(({ spec }) => spec)];

const CACHE_BYTES = 256 * 1024 * 1024;
const STOP_MS = 10_000;
const STOP_PART_MS = 3_000;

/** Runs one command to its exit code. */
async function main([name = "help", ...args]: readonly string[]): Promise<number> {
  const terminal = openStderr();
  try {
    if (name === "help" || name === "--help") return print(help(SPECS, args[0]));
    if (name === "flags") return print((await flags(args)).join("\n"));
    if (name === "serve") return await serve(parseArguments(serveSpec, args), terminal);
    const command = COMMANDS.find(({ spec }) => spec.name === name);
    if (command === undefined) throw unknownCommand(SPECS, name);
    return await runOnce(command, args, terminal);
  } catch (error) {
    const { message, code } = explain(error);
    terminal.line(message);
    return code;
  }
}

/** The service: until a signal ends it. */
async function serve(args: Arguments, terminal: Terminal): Promise<number> {
  if (args.given("help")) return print(usage(serveSpec));
  const config = loadConfig({ now: clock.now(), profile: args.given("demo") ? "demo" : "real" });
  const log = openLog(config, terminal);
  const dataDir = await resolvePath(config.dataDir);
  const lock = await lockData(dataDir);
  if (!lock.held && config.databaseUrl === undefined) throw refuseHeld(dataDir, lock);
  const house = await openHouse(config, { dataDir, log, lock: lock.held ? lock : undefined });
  const { store, follower, exchanges } = house;
  await watchConfigured({ ...house, isSimulated: exchanges.isSimulated }, config.watch);
  await follower.waitFor(await store.head());
  const [held] = await house.series.list();
  const simulated = held?.simulated ?? config.profile === "demo";

  const ended = new AbortController();
  const jobs = createJobs({ clock, log });
  const tokenFile = config.adminToken === undefined ? `${dataDir}/admin-token` : undefined;
  const app = createApp({
    ...house,
    ...createServiceWork({ ...house, jobs }),
    ...{ projections: follower, jobs, clock, log, signal: ended.signal },
    venues: {
      isSimulated: exchanges.isSimulated,
      resolveSymbol: async (exchange, symbol, signal) =>
        await (await exchanges.get(exchange)).resolveSymbol(symbol, signal),
    },
    spool: createDiskSpool(house.workspace),
    async freeBytes() {
      const { bavail, bsize } = await statfs(dataDir);
      return bavail * bsize;
    },
    authenticate: authenticateAdmin(
      config.adminToken?.reveal() ?? await readOrMakeToken(`${dataDir}/admin-token`),
    ),
    settings: {
      ...{ marketData: config.marketData, rateLimits: config.rateLimits, simulated },
      ...{ trustProxy: config.trustProxy, version: manifest.version },
      fingerprintKey: (await readSecret(house.database, "fingerprint")).toHex(),
    },
  });

  const server = listen(config, (request, info) => app.fetch(request, info));
  const { address } = server;
  await (lock.held ? lock.update({ address, tokenFile: tokenFile ?? null }) : undefined);
  const { watch: watched, databaseUrl } = config;
  const database = databaseUrl === undefined ? "embedded" : "server";
  print(startBlock({ address, dataDir, database, tokenFile, watched, simulated }).join("\n"));
  const { cron, timeZone } = config;
  if (cron) void startSchedule({ ...house, jobs, timeZone, signal: ended.signal });

  const signal = await new Promise<string>(onStopSignal);
  terminal.line(`Stopping (${signal}).`);
  setTimeout(() => Deno.exit(EXIT.bug), STOP_MS);
  ended.abort(new DOMException("The service is stopping", "AbortError"));
  const steps = [
    ["jobs", () => jobs.close()],
    ["server", server.stop],
    ["data", () => house.close()],
  ] as const;
  const clean = await stopInOrder(steps, { clock, log, stepMs: STOP_PART_MS });
  return clean ? EXIT.ok : EXIT.bug;
}

/** One command: on the data directly, or through the process that has them open. */
async function runOnce(
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const config = loadConfig({ now: clock.now() });
  const logLevel = config.logLevel === "info" ? "warn" : config.logLevel;
  const log = openLog({ logLevel }, terminal);
  const dataDir = await resolvePath(config.dataDir);
  const stop = new AbortController();
  onStopSignal(() => stop.abort(new DOMException("Stopped by a signal", "AbortError")));
  const stall = startStallMeter();
  const opened: Installation[] = [];
  const quiet = args.includes("--json") && !terminal.interactive;
  try {
    return await runCommand(command, args, {
      context: {
        ...{ clock, signal: stop.signal, stallP99Ms: stall.p99Ms },
        progress: quiet ? silentProgress : createTerminalProgress({ terminal, clock }),
        files: openLocalFiles({ tempDir: `${dataDir}/tmp/unpacked` }),
        async open(options) {
          const installation = await openFor(config, { dataDir, log, ...options });
          opened.push(installation);
          return installation;
        },
        joinParquet: parquetJoiner({ tempDir: `${dataDir}/tmp` }),
      },
      output: { out: print, error: terminal.line },
    });
  } finally {
    terminal.status("");
    stall.stop();
    for (const installation of opened) await installation.close();
  }
}

interface Place extends OpenOptions {
  readonly dataDir: string;
  readonly log: Log;
}

async function openFor(config: Config, place: Place): Promise<Installation> {
  const lock = await lockData(place.dataDir);
  if (lock.held || config.databaseUrl !== undefined) {
    return openInstallation(
      await openHouse(config, { ...place, lock: lock.held ? lock : undefined }),
    );
  }
  const { address = null, tokenFile = null } = lock.holder ?? {};
  if (address === null) throw refuseHeld(place.dataDir, lock);
  const token = config.adminToken?.reveal() ??
    (tokenFile === null ? "" : await readOrMakeToken(tokenFile));
  return openRunningInstallation({
    ...{ address, token, clock },
    async findOrphans(referenced) {
      const blobs = await openDiskBlobs({ directory: `${place.dataDir}/blobs` });
      return await findOrphans({ blobs, referenced, now: new Date(clock.now()) });
    },
  });
}

async function lockData(dataDir: string): Promise<DirectoryLock | HeldByOther> {
  await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  const info = { pid: Deno.pid, address: null, tokenFile: null };
  return await lockDirectory(`${dataDir}/lock`, info);
}

function refuseHeld(dataDir: string, { holder }: HeldByOther): Refusal {
  const { address = null } = holder ?? {};
  const where = address === null ? "" : ` and serves on ${address}`;
  const who = `process ${holder?.pid ?? "unknown"} works on it${where}`;
  return new Refusal("conflict", `Cannot open ${dataDir}: ${who}`);
}

type House = Awaited<ReturnType<typeof openHouse>>;

/** Everything that works on the data, opened in the order in which the parts need each other. */
async function openHouse(
  config: Config,
  { dataDir, log, lock, readable = [] }: Place & { readonly lock: DirectoryLock | undefined },
) {
  const fatal = (reason: unknown) => {
    log.error("broken beyond repair: this process ends", { reason });
    Deno.exit(EXIT.bug);
  };
  onUncaught(fatal);
  // Without the lock others work here, on a server's database: temporary files must not meet.
  const tmp = `${dataDir}/tmp/${lock === undefined ? crypto.randomUUID() : "own"}`;
  const directory = `${dataDir}/blobs`;
  const [database, blobs, workspace] = await Promise.all([
    openDatabase({
      ...{ dataDir: `${dataDir}/db`, log, onFatal: fatal },
      ...{ url: config.databaseUrl?.reveal(), recycleS: config.databasePoolRecycleS },
      ...{ poolMin: config.databasePoolMin, poolMax: config.databasePoolMax },
      idleTimeoutMs: config.databaseIdleTimeoutS * 1_000,
      statementTimeoutMs: config.databaseStatementTimeoutMs,
    }),
    openDiskBlobs({ directory }),
    openWorkspace({ directory: `${tmp}/work` }),
  ]);
  const allowedDirectories = [directory, `${tmp}/work`, ...readable];
  const lake = await openDuckdbLake({ tempDir: `${tmp}/lake`, allowedDirectories });
  await migrate(database);
  const store = await createSqlStore({ database, catalog, upcasters });
  const db = openDb(database);
  const projections = [series, klinePeriods, klines({ blobs, lake })];
  const follower = createFollower({ database, store, projections, clock, log });
  const sizeOf = ({ bytes }: KlinePage) => bytes.length;
  const cache = createMemoryCache<KlinePage>({ maxBytes: CACHE_BYTES, sizeOf });
  const reader = createKlineReader({ database, db, lake, blobs, cache });
  follower.onApplied((events) => reader.changed(events));
  await follower.start();
  const exchanges = openExchanges({
    ...{ clock, log, urls: config.exchangeUrls, intervalMs: config.exchangeIntervalMs },
    proxy: {
      ...{ exchangeProxy: config.exchangeProxy?.reveal(), noProxy: config.noProxy },
      ...{ httpProxy: config.httpProxy?.reveal(), httpsProxy: config.httpsProxy?.reveal() },
    },
  });
  const { isSimulated } = exchanges;
  const parts = { store, database, db, projections: follower, lake, blobs, workspace, clock };
  const ingest = createKlineIngest({ ...parts, isSimulated, hotDays: config.hotDays });
  const queries = createSeriesQueries(db);
  const crawling = {
    ...{ exchanges, ingest, store, series: queries, workspace, clock, log },
    ...{ random: Math.random, historyStart: config.historyStart },
  };
  return {
    ...{ database, store, follower, blobs, workspace, exchanges, ingest, reader, crawling },
    ...{ series: queries, removal: createKlineRemoval(parts) },
    projectionNames: projections.map(({ name }) => name),
    scheduled: [crawlLive(crawling), crawlHistory(crawling)],
    async close() {
      await exchanges.close();
      await follower.stop();
      await store.close();
      await lake.close();
      await database.close();
      await Deno.remove(tmp, { recursive: true });
      await lock?.release();
    },
  };
}

/** The permissions of a command, for `deno run $(…)`. */
async function flags([command = "serve", ...args]: readonly string[]): Promise<string[]> {
  const profile = args.includes("--demo") ? "demo" : "real";
  const { dataDir } = loadConfig({ now: clock.now(), profile });
  return permissionFlags({
    command,
    projectDir: import.meta.dirname ?? ".",
    dataDir: await resolvePath(dataDir),
    packageDir: packageDirOf(Deno.build.os, (name) => Deno.env.get(name)),
  });
}

function openLog({ logLevel: level }: Pick<Config, "logLevel">, terminal: Terminal): Log {
  const format = terminal.interactive ? "text" : "json";
  return createLog({ level, format, clock, write: terminal.line });
}

function print(text: string): number {
  writeStdout(`${text}\n`);
  return EXIT.ok;
}

if (import.meta.main) {
  try {
    loadEnvFile(".env");
  } catch {
    // Settings may as well all come from the environment.
  }
  Deno.exit(await main(Deno.args));
}
