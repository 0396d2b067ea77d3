import { createHash } from "node:crypto";
import { openPglite } from "@/adapters/database/pglite.ts";
import { openPostgres } from "@/adapters/database/postgres.ts";
import type { Database } from "@/events/store/database.ts";
import { runProgram, type Settings, waitUntil } from "./program.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** An installation that is killed again and again, or one that is left in peace. */
export interface Scene {
  /** Beside the data directory, for inputs and outputs. */
  readonly folder: string;
  readonly settings: Settings;
  remove(): Promise<void>;
}

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How far a life has come, seen from outside. */
export type AtWork = (said: string) => boolean | Promise<boolean>;

/**
 * Starts a command, waits until it is at work and a moment longer, and ends it with SIGKILL; false
 * when it had ended by itself.
 */
export async function runKilled(
  args: readonly string[],
  settings: Settings,
  { atWork, waitMs, heard, everyMs = 20 }: {
    readonly atWork: AtWork;
    readonly waitMs: number;
    /** Is told all that it has said until it was gone. */
    readonly heard?: (said: string) => void;
    readonly everyMs?: number;
  },
): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, ...args],
    env: { NO_COLOR: "1", ...settings },
    ...{ stdin: "null", stdout: "null", stderr: "piped" },
  }).spawn();
  let said = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  const worked = await waitUntil(async () => await atWork(said), { child, everyMs });
  if (worked) await new Promise((resolve) => setTimeout(resolve, waitMs));
  kill(child);
  const { signal } = await child.status;
  await reading;
  heard?.(said);
  return worked && signal === "SIGKILL";
}

/** Whether files have come that were not there at this call: staged candles, blobs. */
export async function newFiles(settings: Settings): Promise<AtWork> {
  const found = () => Array.fromAsync(workFiles(settings.DATA_DIR ?? ""));
  const before = new Set(await found());
  return async () => (await found()).some((path) => !before.has(path));
}

/** What a command writes while it takes in candles, not what it makes when it starts. */
async function* workFiles(dataDir: string): AsyncGenerator<string> {
  for await (const path of filesBelow(`${dataDir}/blobs`)) yield path;
  for await (const path of filesBelow(`${dataDir}/tmp`)) {
    if (path.includes("/work/")) yield path;
  }
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) yield* filesBelow(`${folder}/${name}`);
      else yield `${folder}/${name}`;
    }
  } catch (error) {
    // Intermediate folders come and go while we look.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A process that ends in this very moment cannot be killed any more. */
function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Runs a command to its end; throws what it said when it failed. */
export async function runToEnd(args: readonly string[], settings: Settings): Promise<void> {
  const { code, stderr } = await runProgram(args, { settings });
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
}

export interface Kills {
  /** Of each life, of which some may be quicker than their killers; the first is 0. */
  readonly args: (life: number) => readonly string[];
  readonly settings: Settings;
  readonly count: number;
  /** Told anew for each life. */
  readonly atWork: () => AtWork | Promise<AtWork>;
  /** How long a life still works before it is killed. */
  readonly waitMs: () => number;
}

/** Lives that may end by themselves. */
export const SPARE_LIVES = 5;

/** Kills the command `count` times at work; one that was quicker than its killer does not count. */
export async function killRepeatedly(
  { args, settings, count, atWork, waitMs }: Kills,
): Promise<number> {
  let kills = 0;
  for (let life = 0; life < count + SPARE_LIVES && kills < count; life++) {
    const how = { atWork: await atWork(), waitMs: waitMs() };
    if (await runKilled(args(life), settings, how)) kills++;
  }
  return kills;
}

/** All that can be told from outside: the candles as exported, the read models, the log's density. */
export interface Fingerprint {
  readonly csv: string;
  readonly rows: number;
  readonly series: readonly unknown[];
  readonly periods: readonly unknown[];
  readonly logIsDense: boolean;
}

export async function fingerprint(settings: Settings, series: string): Promise<Fingerprint> {
  const candles = await exported(settings, series);
  const database = await openDatabase(settings);
  try {
    const [log] = await database.query(
      "select count(*) = coalesce(max(pos), 0) as dense from event",
    );
    return {
      ...candles,
      // Scales of files and best sources may differ on the way, never what is held.
      series: await database.query(
        "select series_id, exchange, symbol, interval, watched, simulated from series_v1 order by 1",
      ),
      periods: await database.query(
        `select key, candles, hot_rows, first_open_time, last_open_time, held, best_source,
           file_sha256 is not null as filed from kline_periods_v1 order by 1`,
      ),
      logIsDense: log?.dense === true,
    };
  } finally {
    await database.close();
  }
}

/** The candles alone, as they are exported. */
export async function exported(
  settings: Settings,
  series: string,
): Promise<Pick<Fingerprint, "csv" | "rows">> {
  const out = `${settings.DATA_DIR}/../out-${crypto.randomUUID()}.csv`;
  await runToEnd(["export", series, "--format", "csv", "--out", out, "--json"], settings);
  const text = await Deno.readTextFile(out);
  return {
    csv: createHash("sha256").update(text).digest("hex"),
    rows: text.trim().split("\n").length - 1,
  };
}

async function openDatabase(settings: Settings): Promise<Database> {
  const url = settings.DATABASE_URL;
  if (url !== undefined) return openPostgres({ url, poolMax: 2 });
  return await openPglite({ dataDir: `${settings.DATA_DIR}/db` });
}
