import { resolve } from "node:path";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { openBlobRanges } from "@/adapters/blobs/ranges.ts";
import { browserToRun } from "@/adapters/browser/open_browser_pool.ts";
import { createMemoryCache } from "@/adapters/cache/memory.ts";
import { claimDataDir, type DataDir, findDataDir, refuseHeld } from "@/adapters/claim_data_dir.ts";
import { systemClock as clock } from "@/adapters/clock.ts";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { parquetJoiner } from "@/adapters/lake/join_parquet.ts";
import { openDiskLakeFolder } from "@/adapters/lake_folder/disk.ts";
import { createLog } from "@/adapters/log/json_log.ts";
import { openOutside } from "@/adapters/open_outside.ts";
import { openStorage } from "@/adapters/open_storage.ts";
import { readOrMakeToken } from "@/adapters/process/admin_token.ts";
import { diskSpace } from "@/adapters/process/disk_space.ts";
import { listen } from "@/adapters/process/listen.ts";
import { packageDirOf, permissionFlags } from "@/adapters/process/permission_flags.ts";
import { processFacts } from "@/adapters/process/process_facts.ts";
import { resolvePath } from "@/adapters/process/resolve_path.ts";
import { onStopSignal, onUncaught } from "@/adapters/process/signals.ts";
import { startStallMeter } from "@/adapters/process/stall_meter.ts";
import { openRunning } from "@/adapters/remote/open_running.ts";
import { createDiskSpool } from "@/adapters/spool/disk.ts";
import { withTempFolder } from "@/adapters/temp_folder.ts";
import { createTerminalProgress } from "@/adapters/terminal/progress.ts";
import { startBlock } from "@/adapters/terminal/start_block.ts";
import { openStderr, type Terminal, writeStdout } from "@/adapters/terminal/terminal.ts";
import { browserSettings, type Config, linkToRun, loadConfig } from "@/config.ts";
import { outsideSettings, prepareEnvironment, readEnvironment } from "@/config.ts";
import { createArchive } from "@/cron/archive/archive_service.ts";
import { type Arguments, parseArguments, usage } from "@/cron/commands/arguments.ts";
import type { Command, OpenOptions } from "@/cron/commands/command.ts";
import { COMMANDS } from "@/cron/commands/commands.ts";
import { EXIT, explain, failureLine } from "@/cron/commands/explain.ts";
import { help, unknownCommand } from "@/cron/commands/help.ts";
import { openInstallation } from "@/cron/commands/open_data.ts";
import { runCommand } from "@/cron/commands/run_command.ts";
import { serveSpec } from "@/cron/commands/serve.ts";
import { createServiceWork } from "@/cron/commands/service_work.ts";
import { stopInOrder, type StopStep } from "@/cron/commands/stop_in_order.ts";
import { venuesOf } from "@/cron/commands/venues.ts";
import { watchConfigured } from "@/cron/commands/watch_configured.ts";
import { findOrphans } from "@/cron/find_orphans.ts";
import { createLakeMirror } from "@/cron/lake_mirror.ts";
import { tickEveryMinute } from "@/cron/every_minute.ts";
import { createJobs } from "@/cron/jobs.ts";
import { openCrawlers } from "@/cron/open_crawlers.ts";
import { openWork } from "@/cron/open_work.ts";
import type { Installation } from "@/domain/ports/installation.ts";
import type { KlinePage } from "@/domain/ports/kline_reader.ts";
import type { Log } from "@/domain/ports/log.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { migrate } from "@/events/store/migrate.ts";
import { readSecret } from "@/events/store/secrets.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { upcasters } from "@/events/upcasters/upcasters.ts";
import { openReadModels } from "@/projections/read_models.ts";
import { createApp } from "@/routes/app.ts";
import { authenticateAdmin } from "@/routes/auth.ts";
import manifest from "./deno.json" with { type: "json" };

const SPECS = [serveSpec, ...COMMANDS.map(({ spec }) => spec)];

/** With these a command can say why it does not start. */
const FEWEST_FLAGS = ["--no-prompt", "--allow-env", "--allow-read"];
/** Answers remembered for readers of candles. */
const CACHE_BYTES = 256 * 1024 * 1024;
/** Supervisors kill what takes longer; a part that hangs must leave the others their turn. */
const STOP_MS = 10_000;
const STOP_PART_MS = 3_000;

/** Runs one command to its exit code. */
async function main([name = "help", ...args]: readonly string[]): Promise<number> {
  const terminal = openStderr();
  try {
    if (name === "help" || name === "--help") return print([help(SPECS, args[0])]);
    if (name === "flags") return print(await flags(args).catch(() => FEWEST_FLAGS));
    if (name === "serve") return await serve(parseArguments(serveSpec, args), terminal);
    const command = COMMANDS.find(({ spec }) => spec.name === name);
    if (command === undefined) throw unknownCommand(SPECS, name);
    return await runOnce(command, args, terminal);
  } catch (error) {
    const explained = explain(error);
    terminal.line(explained.message);
    if (args.includes("--json")) print([failureLine(name, explained)]);
    return explained.exit;
  }
}

/** The service: until a signal ends it. */
async function serve(args: Arguments, terminal: Terminal): Promise<number> {
  if (args.given("help")) return print([usage(serveSpec)]);
  const config = loadConfig({ now: clock.now(), profile: args.given("demo") ? "demo" : "real" });
  const log = openLog(config, terminal);
  const signal = new Promise<string>(onStopSignal);
  const dataDir = await claimDataDir(config.dataDir);
  const { lock, path } = dataDir;
  if (!lock.held && config.databaseUrl === undefined) throw refuseHeld(path, lock);
  const house = await openHouse(config, { dataDir, log });
  const { store, follower, exchanges } = house;
  await watchConfigured({ ...house, isSimulated: exchanges.isSimulated }, config.watch);
  await follower.waitFor(await store.head());
  const [held] = await house.series.list();
  const simulated = held?.simulated ?? config.profile === "demo";

  const ended = new AbortController();
  const tokenFile = config.adminToken === undefined ? `${path}/admin-token` : undefined;
  const token = config.adminToken?.reveal() ?? await readOrMakeToken(`${path}/admin-token`);
  const app = createApp({
    ...house,
    ...createServiceWork(house),
    archive: createArchive({ ...house.archiving, ...house }, {
      ...{ jobs: house.jobs, at: config.archiveAt, timeZone: config.timeZone },
    }),
    ...{ projections: follower, crawlers: house.supervisor, clock, log, signal: ended.signal },
    venues: venuesOf(exchanges),
    spool: createDiskSpool(house.workspace),
    freeBytes: async () => (await diskSpace(path)).freeBytes,
    processFacts,
    authenticate: authenticateAdmin(token),
    settings: {
      ...{ marketData: config.marketData, rateLimits: config.rateLimits, simulated },
      ...{ trustProxy: config.trustProxy, version: manifest.version },
      ...{ metrics: config.metrics, timeZone: config.timeZone },
      ...{ openCandle: config.compatOpenCandle, scheduled: config.cron },
      connectionsForWrites: config.databaseUrl && config.databasePoolMax >> 1,
      fingerprintKey: (await readSecret(house.database, "fingerprint")).toHex(),
    },
  });

  const { address, stop } = listen(config, (request, info) => app.fetch(request, info));
  if (lock.held) await lock.update({ address, tokenFile: tokenFile ?? null });
  const { watch: watched, databaseUrl } = config;
  const database = databaseUrl === undefined ? "embedded" : "server";
  print(startBlock({ ...{ address, dataDir: path, database }, tokenFile, watched, simulated }));
  house.mirror.start();
  void tickEveryMinute(house.tick, ended.signal);

  // The order of the end: nothing new comes in, what runs ends, then what it stood on.
  log.info("stopping", { signal: await signal });
  setTimeout(() => Deno.exit(EXIT.bug), STOP_MS);
  ended.abort(new DOMException("The service is stopping", "AbortError"));
  const steps = [["jobs", house.jobs.close], ["server", stop], ...house.closing] as const;
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
  const tempParent = `${resolve(config.dataDir)}/tmp`;
  const stop = new AbortController();
  onStopSignal(() => stop.abort(new DOMException("Stopped by a signal", "AbortError")));
  const stall = startStallMeter();
  const opened: StopStep[] = [];
  const quiet = args.includes("--json") && !terminal.interactive;
  try {
    return await runCommand(command, args, {
      context: {
        ...{ clock, signal: stop.signal, stallP99Ms: stall.p99Ms },
        progress: quiet ? silentProgress : createTerminalProgress({ terminal, clock }),
        files: openLocalFiles({ tempDir: tempParent }),
        joinParquet: (parts, target) =>
          withTempFolder(tempParent, (tempDir) => parquetJoiner({ tempDir })(parts, target)),
        async open(options) {
          const find = options?.create === true ? claimDataDir : findDataDir;
          const dataDir = await find(config.dataDir);
          return await openFor(config, { dataDir, log, closing: opened, ...options });
        },
      },
      output: { out: (line) => print([line]), error: terminal.line },
    });
  } finally {
    terminal.status("");
    stall.stop();
    await stopInOrder(opened, { clock, log, stepMs: STOP_MS });
  }
}

interface Place extends OpenOptions {
  readonly dataDir: DataDir;
  readonly log: Log;
}

/** The data themselves where nobody else has them open, or where a server's database takes many. */
async function openFor(
  config: Config,
  { closing, ...place }: Place & { readonly closing: StopStep[] },
): Promise<Installation> {
  const { lock, path } = place.dataDir;
  if (lock.held || config.databaseUrl !== undefined) {
    const house = await openHouse(config, place);
    closing.push(...house.closing);
    return openInstallation(house);
  }
  return await openRunning({
    ...{ path, lock, clock, adminToken: config.adminToken?.reveal() },
    async findOrphans(referenced) {
      const blobs = await openDiskBlobs({ directory: `${path}/blobs` });
      return await findOrphans({ blobs, referenced, now: new Date(clock.now()) });
    },
  });
}

/** Everything that works on the data, opened in the order in which the parts need each other. */
async function openHouse(config: Config, { dataDir: { path, lock }, log, readable = [] }: Place) {
  const fatal = (reason: unknown) => {
    log.error("broken beyond repair: this process ends", { reason });
    Deno.exit(EXIT.bug);
  };
  onUncaught(fatal);
  const { database, blobs, workspace, lake, temp } = await openStorage({
    ...{ path, readable, log, onFatal: fatal },
    ...{ url: config.databaseUrl?.reveal(), recycleS: config.databasePoolRecycleS },
    ...{ poolMin: config.databasePoolMin, poolMax: config.databasePoolMax },
    idleTimeoutMs: config.databaseIdleTimeoutS * 1_000,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
  });
  await migrate(database);
  const store = await createSqlStore({ database, catalog, upcasters });
  const sizeOf = ({ bytes }: KlinePage) => bytes.length;
  const cache = createMemoryCache<KlinePage>({ maxBytes: CACHE_BYTES, sizeOf });
  const models = openReadModels({ database, store, lake, blobs, cache, clock, log });
  const { db, follower, series, reports, lakeFiles: files, damagedReads } = models;
  const lakeOptions = { directory: `${path}/lake`, blobs, blobsDirectory: `${path}/blobs` };
  const lakeFolder = openDiskLakeFolder(lakeOptions);
  const mirror = createLakeMirror({ folder: lakeFolder, files, clock, log });
  follower.onApplied((events) => mirror.changed(events));
  await follower.start();
  // What a folder holds says what it is, also to a command that was not told.
  const isDemo = (await series.list())[0]?.simulated ?? config.profile === "demo";
  const settings = { ...config, ...outsideSettings(config), isDemo };
  const outside = await openOutside({ ...settings, clock, log, temp });
  const { exchanges, marketSources, alertChannels: channels } = outside;
  const parts = { store, database, db, projections: follower, lake, blobs, workspace, clock };
  const common = { ...parts, exchanges, marketSources, series, log, random: Math.random };
  const work = openWork({ ...common, reports, lakeFolder, damagedReads }, config);
  const jobs = createJobs({ clock, log });
  const crawlers = openCrawlers({
    ...{ ...common, jobs, channels, queries: models.crawlers, sources: work.scheduled },
    disk: () => diskSpace(path),
  }, {
    ...{ ...config, language: config.alertLanguage },
    ...{ linkTo: linkToRun(config), isScheduled: config.cron },
  });
  return {
    ...{ ...models, ...work, ...crawlers, crawlerQueries: models.crawlers, jobs, mirror, store },
    ...{ database, blobs, workspace, exchanges, blobRanges: openBlobRanges(models.lentBlobs) },
    closing: [
      ["alerts", () => crawlers.close()],
      ["network", () => outside.close()],
      ["follower", () => follower.stop()],
      ["readable lake", () => mirror.stop()],
      ["log", () => store.close()],
      ["lake", () => lake.close()],
      ["database", () => database.close()],
      ["temporary files", () => temp.remove()],
      ["lock", () => lock.held ? lock.release() : undefined],
    ] satisfies StopStep[],
  };
}

/** The permissions of a command, for `deno run $(…)`. */
async function flags([command = "serve", ...args]: readonly string[]): Promise<string[]> {
  const profile = args.includes("--demo") ? "demo" : "real";
  const config = loadConfig({ now: clock.now(), profile });
  return permissionFlags({
    command,
    projectDir: import.meta.dirname ?? ".",
    dataDirs: [...new Set([resolve(config.dataDir), await resolvePath(config.dataDir)])],
    packageDir: packageDirOf(Deno.build.os, readEnvironment()),
    browser: await browserToRun(browserSettings(config)),
  });
}

/** People read the log on a terminal, programs everywhere else. */
function openLog({ logLevel: level }: Pick<Config, "logLevel">, terminal: Terminal): Log {
  const format = terminal.interactive ? "text" : "json";
  return createLog({ level, format, clock, write: terminal.line });
}

function print(lines: readonly string[]): number {
  writeStdout(`${lines.join("\n")}\n`);
  return EXIT.ok;
}

if (import.meta.main) {
  prepareEnvironment();
  Deno.exit(await main(Deno.args));
}
