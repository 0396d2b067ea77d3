import { median, percentile, type Result, result, timed } from "./result.ts";
import { type Service, startService } from "./service.ts";
import { importYears } from "./commands.ts";

const RUNS = 200;

/** Reads of an installation that holds 2017–2020: 1000 candles cold and cached, a year as hours. */
export async function benchReads(shared: string): Promise<Result[]> {
  const { dataDir, importMs, stallMs, bytesPerCandle } = await importYears(shared);
  const service = await startService({ dataDir });
  try {
    return [
      result({
        name: "import of 1,767,792 candles from csv.gz",
        unit: "s",
        value: importMs / 1000,
        goal: { atMost: 6 },
      }),
      result({
        name: "event-loop stall during that import, p99",
        unit: "ms",
        value: stallMs,
        goal: { atMost: 50 },
      }),
      result({
        name: "bytes a candle in 1m period files, 6 columns",
        unit: "B",
        value: bytesPerCandle,
        goal: { atMost: 11 },
      }),
      result({
        name: "bytes a candle in a 1m period file, 11 columns",
        unit: "B",
        value: await detailedBytes(service, shared),
        goal: { atMost: 25 },
      }),
      result({
        name: "1000 candles from a period file, not cached, p50",
        unit: "ms",
        value: median(await latencies(service, (n) => Date.UTC(2019, 0, 1) + n * 3_600_000)),
        goal: { atMost: 5 },
      }),
      result({
        name: "1000 candles, cached",
        unit: "req/s",
        value: await cachedRate(service),
        goal: { atLeast: 10_000 },
      }),
    ];
  } finally {
    await service.stop();
    await service.remove();
  }
}

/** Half a month as its venue tells it, with close times, trades, quote and taker volumes. */
async function detailedBytes({ base, post }: Service, shared: string): Promise<number> {
  const wanted = { exchange: "binance", symbol: "DETAIL/USDT", interval: "1m", watch: false };
  const { id } = await post("/api/v1/series", JSON.stringify(wanted), "application/json");
  const file = await Deno.open(`${shared}/spot_1m/BTCUSDT-1m-2021-07-01_07-15.tttienthinh.csv.gz`);
  const csv = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
  await post(`/api/v1/series/${id}/klines`, csv, "text/csv");
  const answer = await (await fetch(`${base}/api/v1/series/${id}/stats`)).json();
  if (answer.data.hot_rows > 0) throw new Error("Cannot trust this run: rows are no file");
  return answer.data.bytes_per_candle;
}

async function latencies(service: Service, startOf: (n: number) => number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < RUNS; n++) times.push(await timed(() => candles(service, startOf(n))));
  return times.slice(RUNS / 10);
}

function pathOf(start: number): string {
  return `/api/v1/klines?exchange=binance&symbol=BTCUSDT&interval=1m&limit=1000&start=${start}`;
}

async function candles({ base }: Service, start: number): Promise<void> {
  const res = await fetch(`${base}${pathOf(start)}`);
  const bytes = await res.arrayBuffer();
  if (bytes.byteLength < 50_000) {
    throw new Error(`Cannot trust this run: ${bytes.byteLength} bytes`);
  }
}

/** By wrk where it is installed; else by eight loops of this process, which is then the limit. */
async function cachedRate(service: Service): Promise<number> {
  const start = Date.UTC(2019, 5, 1);
  await candles(service, start);
  const wrk = await new Deno.Command("which", { args: ["wrk"], stdout: "null" }).output();
  if (!wrk.success) {
    const until = performance.now() + 5_000;
    let count = 0;
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (; performance.now() < until; count++) await candles(service, start);
    }));
    return count / 5;
  }
  const { stdout } = await new Deno.Command("wrk", {
    args: ["-t1", "-c16", "-d5s", `${service.base}${pathOf(start)}`],
  }).output();
  return Number(/Requests\/sec:\s*([\d.]+)/.exec(new TextDecoder().decode(stdout))?.[1] ?? 0);
}

/** The last held year as hours, beside PostgreSQL grouping the same rows. */
export async function benchAggregate(
  shared: string,
  sqlYearMs: (shared: string) => Promise<number>,
): Promise<Result[]> {
  const { dataDir } = await importYears(shared);
  const service = await startService({ dataDir });
  try {
    const times: number[] = [];
    const [from, to] = [Date.UTC(2020, 0, 1), Date.UTC(2021, 0, 1)];
    for (let n = 0; n < 30; n++) {
      // Another limit each time, so that no answer comes from the cache.
      const query = `exchange=binance&symbol=BTCUSDT&interval=1h&limit=${9_000 + n}`;
      times.push(
        await timed(async () => {
          const url = `${service.base}/api/v1/klines?${query}&start=${from}&end=${to}`;
          await (await fetch(url)).arrayBuffer();
        }),
      );
    }
    const [ours, theirs] = [median(times.slice(3)), await sqlYearMs(shared)];
    return [
      result({
        name: "a year of 1m -> 1h, years a second",
        unit: "1/s",
        value: 1000 / ours,
        peer: { name: "PostgreSQL GROUP BY date_bin", value: 1000 / theirs },
        goal: { ratioAtLeast: 10 },
      }),
      result({
        name: "a year of 1m -> 1h, p99",
        unit: "ms",
        value: percentile(times.slice(3), 99),
        goal: { none: true },
      }),
    ];
  } finally {
    await service.stop();
    await service.remove();
  }
}
