import { systemClock } from "@/adapters/clock.ts";
import { createSimulated } from "@/adapters/exchange/simulated.ts";
import { wireRow } from "@/tests/support/binance_book.ts";
import { type Result, result } from "./result.ts";
import { type Service, startService } from "./service.ts";

const MINUTE_MS = 60_000;
/** Five years of minutes. */
const CANDLES = 2_600_000;
const SAMPLE_MS = 100;

interface Crawl {
  readonly candles: number;
  readonly ms: number;
  /** Resident memory of the service: before the crawl, and the most while it ran. */
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

/** Resident memory and speed of the real program while it crawls five years of minutes. */
export async function benchCrawlMemory(candles = CANDLES): Promise<Result[]> {
  const server = startEndlessBinance();
  const env = { EXCHANGE_URLS: `{"binance":"http://127.0.0.1:${server.addr.port}"}` };
  const done = await crawl("binance:BTC/USDT:1m", { candles, env });
  await server.shutdown();
  return [
    result({
      name: `RSS growth while crawling ${(done.candles / 1e6).toFixed(1)} M candles with ccxt`,
      unit: "MB",
      value: (done.peakBytes - done.beforeBytes) / 1e6,
      goal: { atMost: 150 },
    }),
    result({
      name: "crawl with ccxt, durable and queryable (the venue's limit is 20 k/s)",
      unit: "candles/s",
      value: done.candles / (done.ms / 1000),
      goal: { none: true },
    }),
  ];
}

/** Binance's REST over made-up candles: five years of real ones would fill this process instead. */
function startEndlessBinance(): Deno.HttpServer<Deno.NetAddr> {
  const market = createSimulated({ clock: systemClock });
  const symbols = [{ symbol: "BTCUSDT", baseAsset: "BTC", quoteAsset: "USDT" }];
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith("/time")) return Response.json({ serverTime: Date.now() });
    if (pathname.endsWith("/exchangeInfo")) return Response.json({ symbols });
    const number = (name: string) => Number(searchParams.get(name));
    const page = await market.fetchCandles({
      ...{ symbol: "BTC/USDT", interval: "1m", limit: number("limit") },
      ...{ from: number("startTime"), to: number("endTime") + 1 },
    });
    return Response.json(page.map((candle) => wireRow(candle, "1m")));
  });
}

async function crawl(
  series: string,
  { candles, env = {} }: { candles: number; env?: Record<string, string> },
): Promise<Crawl> {
  // The first start on an empty directory takes memory that no later one does.
  const first = await startService({ env });
  await first.stop();
  const service = await startService({ env, dataDir: first.dataDir });
  try {
    const since = Date.now() - candles * MINUTE_MS;
    const beforeBytes = await residentBytes(service.pid);
    let peakBytes = beforeBytes;
    const startedAt = performance.now();
    const body = JSON.stringify({ series, since });
    const { job_id: id } = await service.post("/admin/crawl", body, "application/json");
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      peakBytes = Math.max(peakBytes, await residentBytes(service.pid));
      const job = await jobOf(service, String(id));
      if (job.status === "running") continue;
      if (job.status !== "succeeded") throw new Error(`The crawl ${job.status}: ${job.error}`);
      const ms = performance.now() - startedAt;
      return { candles: Number(job.result?.ingested), ms, beforeBytes, peakBytes };
    }
  } finally {
    await service.stop();
    await service.remove();
  }
}

interface JobAnswer {
  readonly status: string;
  readonly error: string | null;
  readonly result: { readonly ingested?: number } | null;
}

async function jobOf({ base, token }: Service, id: string): Promise<JobAnswer> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${base}/admin/jobs/${id}`, { headers });
  return (await response.json()).data;
}

/** Linux only. */
async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
