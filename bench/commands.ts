import { MEMORY_FLAG } from "@/adapters/process/permission_flags.ts";
import { median } from "./result.ts";
import { answers } from "./influx.ts";
import { freePort } from "@/tests/support/free_port.ts";

/** What the command line does, measured from outside: whole processes, start-up included. */
export interface ImportedYears {
  readonly dataDir: string;
  readonly importMs: number;
  /** p99 of the main thread's stalls, as the command itself measures them. */
  readonly stallMs: number;
  readonly bytesPerCandle: number;
}

const YEARS = [2017, 2018, 2019, 2020];

export async function importYears(shared: string): Promise<ImportedYears> {
  const dataDir = await Deno.makeTempDir({ prefix: "chandlery-bench-" });
  const files = YEARS.map((year) => `${shared}/spot_1m/BTCUSDT-1m-${year}.csv.gz`);
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      MEMORY_FLAG,
      "main.ts",
      "import",
      "binance:BTC/USDT:1m",
      ...files,
      "--json",
    ],
    env: { DATA_DIR: dataDir, LOG_LEVEL: "warn" },
  }).output();
  const importMs = performance.now() - start;
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const answer = JSON.parse(new TextDecoder().decode(stdout));
  let sizeBytes = 0;
  for await (const size of fileSizes(`${dataDir}/blobs`)) sizeBytes += size;
  return {
    dataDir,
    importMs,
    stallMs: answer.stall_p99_ms ?? Number.NaN,
    bytesPerCandle: sizeBytes / answer.ingested,
  };
}

async function* fileSizes(folder: string): AsyncGenerator<number> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* fileSizes(`${folder}/${name}`);
    else yield (await Deno.stat(`${folder}/${name}`)).size;
  }
}

/** From spawning the program until it is ready: median of some starts, on an empty and on a used directory. */
export async function startTimes(): Promise<{ firstMs: number; againMs: number }> {
  const [first, again]: [number[], number[]] = [[], []];
  for (let n = 0; n < 3; n++) {
    const dataDir = await Deno.makeTempDir({ prefix: "chandlery-bench-" });
    first.push(await oneStart(dataDir));
    again.push(await oneStart(dataDir), await oneStart(dataDir));
    await Deno.remove(dataDir, { recursive: true });
  }
  return { firstMs: median(first), againMs: median(again) };
}

async function oneStart(dataDir: string): Promise<number> {
  const port = freePort();
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MEMORY_FLAG, "main.ts", "serve"],
    env: { PORT: `${port}`, DATA_DIR: dataDir, CRON: "off", WATCH: "none", LOG_LEVEL: "warn" },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  await answers(`http://127.0.0.1:${port}/health/ready`);
  const ms = performance.now() - start;
  child.kill("SIGTERM");
  await child.status;
  return ms;
}
