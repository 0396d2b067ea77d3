import { runProgram } from "@/tests/support/program.ts";
import { median, percentile, type Result, result, timed } from "./result.ts";
import { type Service, startService } from "./service.ts";

const YEARS = [2017, 2018, 2019, 2020];
const SERIES = "binance:BTC/USDT:1m";
/** A hot window that holds everything. */
const HOT = { HOT_DAYS: "36500" };
const READS = 400;
const HOUR_MS = 3_600_000;

/**
 * Four years of real minutes move from hot rows into period files and their rows go: while nothing
 * else happens, while somebody reads all the time, and step by step beside a reader.
 */
export async function benchArchive(shared: string): Promise<Result[]> {
  const dataDir = await Deno.makeTempDir({ prefix: "chandlery-bench-" });
  const settings = { ...HOT, DATA_DIR: dataDir, WATCH: "none", LOG_LEVEL: "warn" };
  const files = YEARS.map((year) => `${shared}/spot_1m/BTCUSDT-1m-${year}.csv.gz`);
  try {
    await run(["import", SERIES, ...files], settings);
    const before = await checksum(settings);
    const alone = await onCopy(dataDir, movedAlone);
    const both = await onCopy(dataDir, (copy) => movedWhileRead({ dataDir: copy, env: {} }));
    const filing = await movedWhileRead({ dataDir, env: HOT });
    const filed = filing.run.rows_filed;
    const dropping = await movedWhileRead({ dataDir, env: {} }, coldReads);
    const same = [alone.checksum, await checksum(settings)].every((after) => after === before);
    return [
      result({
        name: "archive: candles moved, filed and dropped, nobody reading",
        unit: "1/s",
        value: perSecond(Math.min(alone.run.rows_filed, alone.run.rows_dropped), alone.run),
        goal: { atLeast: 300_000 },
      }),
      rate("candles moved beside a reader", both.run.rows_dropped, both.run),
      rate("candles filed beside a reader", filed, filing.run),
      rate("rows dropped beside a reader", dropping.run.rows_dropped, dropping.run),
      result({
        name: "archive: bytes a candle",
        unit: "B",
        value: filing.run.bytes_after / filed,
        goal: { atMost: 11 },
      }),
      ...slowdown("moving", both),
      ...slowdown("filing", filing),
      ...slowdown("dropping", dropping),
      ...dropping.afterwards,
      result({
        name: "archive: checksums before and after are equal",
        unit: "",
        value: same ? 1 : 0,
        goal: { atLeast: 1 },
      }),
    ];
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function onCopy<T>(from: string, work: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = await Deno.makeTempDir({ prefix: "chandlery-bench-" });
  try {
    const { success } = await new Deno.Command("cp", { args: ["-a", `${from}/.`, dataDir] })
      .output();
    if (!success) throw new Error(`Cannot copy ${from}`);
    return await work(dataDir);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** One run that does both. */
async function movedAlone(dataDir: string): Promise<{ run: Run; checksum: string }> {
  const service = await startService({ dataDir });
  const run = await startRun(service).then((job) => ended(service, job))
    .finally(() => service.stop());
  return { run, checksum: await checksum({ DATA_DIR: dataDir, LOG_LEVEL: "warn" }) };
}

type Run = Readonly<Record<"rows_filed" | "rows_dropped" | "bytes_after" | "ms", number>>;

interface Moved {
  readonly run: Run;
  /** Latencies in ms. */
  readonly idle: readonly number[];
  readonly busy: readonly number[];
  readonly afterwards: readonly Result[];
}

/** One run of the archive, with reads before it and while it goes on. */
async function movedWhileRead(
  how: { readonly dataDir: string; readonly env: Record<string, string> },
  afterwards?: (service: Service) => Promise<Result[]>,
): Promise<Moved> {
  const service = await startService(how);
  try {
    const idle = await readWhile(service, (n) => n < READS);
    const job = await startRun(service);
    let running = true;
    const reading = readWhile(service, () => running);
    const run = await ended(service, job);
    running = false;
    const busy = await reading;
    return { run, idle, busy, afterwards: await afterwards?.(service) ?? [] };
  } finally {
    await service.stop();
  }
}

function perSecond(rows: number, { ms }: Run): number {
  return rows / ms * 1_000;
}

function rate(what: string, rows: number, run: Run): Result {
  const value = perSecond(rows, run);
  return result({ name: `archive: ${what}`, unit: "1/s", value, goal: { none: true } });
}

function slowdown(step: string, { idle, busy }: Moved): Result[] {
  return [
    result({
      name: `archive: p99 of a 1000-candle read while ${step}, over idle`,
      unit: "x",
      value: percentile([...busy], 99) / percentile([...idle], 99),
      goal: { atMost: 2 },
    }),
    result({
      name: `archive: p99 of a 1000-candle read before ${step}, idle`,
      unit: "ms",
      value: percentile([...idle], 99),
      goal: { none: true },
    }),
  ];
}

async function coldReads(service: Service): Promise<Result[]> {
  const cold: number[] = [];
  for (let n = 0; n < 200; n++) {
    const start = Date.UTC(2019, 0, 1) + n * 7 * HOUR_MS;
    cold.push(await timed(() => candles(service, { interval: "1m", limit: 1_000, start })));
  }
  const scattered: number[] = [];
  for (let n = 0; n < 400; n++) {
    // Another month each time, in no order, and never the same thousand twice.
    const month = Date.UTC(2017, (n * 29 + Math.floor(n / 40) * 7) % 40 + 8, 2);
    const start = month + n * HOUR_MS;
    scattered.push(await timed(() => candles(service, { interval: "1m", limit: 1_000, start })));
  }
  const cached: number[] = [];
  for (let n = 0; n < 200; n++) {
    const query = { interval: "1m", limit: 1_000, start: Date.UTC(2019, 0, 1) };
    cached.push(await timed(() => candles(service, query)));
  }
  const [year, next] = [Date.UTC(2020, 0, 1), Date.UTC(2021, 0, 1)];
  // Another limit each time, so that no answer comes from the cache.
  const hours = await repeated((n) =>
    candles(service, { interval: "1h", limit: 9_000 + n, start: year, end: next })
  );
  const days = await repeated((n) =>
    candles(service, { interval: "1d", limit: 2_000 + n, start: Date.UTC(2017, 0, 1), end: next })
  );
  const claims = [
    ["1000 candles of a cold month, p50", median(cold.slice(20)), 4],
    ["the same from the cache, p50", median(cached.slice(20)), 1],
    ["a year of 1m as 1h, p50", median(hours), 25],
    ["1d bars over four years of 1m, p50", median(days), 50],
  ] as const;
  return [
    ...claims.map(([name, value, atMost]) =>
      result({ name: `archive: ${name}`, unit: "ms", value, goal: { atMost } })
    ),
    result({
      name: "archive: 1000 candles of months all over four years, p50",
      unit: "ms",
      value: median(scattered.slice(100)),
      goal: { none: true },
    }),
  ];
}

async function repeated(read: (n: number) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < 30; n++) times.push(await timed(() => read(n)));
  return times.slice(3);
}

async function readWhile(service: Service, goOn: (n: number) => boolean): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; goOn(n); n++) {
    // Hours that are far apart, never the same twice: nothing comes from the cache.
    const start = Date.UTC(2017, 9, 1) + (n * 7_919) % 28_000 * HOUR_MS;
    times.push(
      await timed(() => candles(service, { interval: "1m", limit: 1_000, start })),
    );
  }
  return times;
}

async function candles(
  { base }: Service,
  query: { interval: string; limit: number; start: number; end?: number },
): Promise<void> {
  const search = new URLSearchParams(
    Object.entries({ exchange: "binance", symbol: "BTCUSDT", ...query })
      .map(([name, value]) => [name, String(value)]),
  );
  const response = await fetch(`${base}/api/v1/klines?${search}`);
  const bytes = await response.arrayBuffer();
  if (!response.ok || bytes.byteLength < 40_000) {
    throw new Error(`Cannot trust this run: ${response.status}, ${bytes.byteLength} bytes`);
  }
}

async function startRun({ post }: Service): Promise<string> {
  return String((await post("/admin/archive/run", "{}", "application/json")).job_id);
}

async function ended({ base, token }: Service, job: string): Promise<Run> {
  const ask = async (path: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await (await fetch(`${base}${path}`, { headers })).json()).data;
  };
  for (;;) {
    const { status, error } = await ask(`/admin/jobs/${job}`);
    if (status === "succeeded") break;
    if (status !== "running") throw new Error(`The archive ${status}: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { runs: [run] } = await ask("/admin/archive");
  return { ...run, ms: Date.parse(run.heard_at) - Date.parse(run.started_at) };
}

/** Over every candle, as exported. */
async function checksum(settings: Readonly<Record<string, string>>): Promise<string> {
  const out = `${settings.DATA_DIR}/out.csv`;
  await run(["export", SERIES, "--format", "csv", "--out", out], settings);
  const file = await Deno.readFile(out);
  await Deno.remove(out);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", file)).toHex();
}

async function run(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const { code, stderr } = await runProgram(args, { settings });
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
}
