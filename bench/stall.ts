import { openHouse } from "@/tests/support/house.ts";
import { openPglite } from "@/adapters/database/pglite.ts";
import { percentile, type Result, result } from "./result.ts";

const YEARS = [2017, 2018, 2019, 2020];

/** How long the main thread is held up while 1.77 million candles come in. */
export async function benchStall(shared: string): Promise<Result[]> {
  const folder = await Deno.makeTempDir({ prefix: "bench-" });
  const database = await openPglite({ dataDir: `${folder}/db` });
  const house = await openHouse(database, { folder });
  const stalls: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    stalls.push(Math.max(0, now - last - 5));
    last = now;
  }, 5);
  try {
    const series = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
    const files = YEARS.map((year) => ({
      path: `${shared}/spot_1m/BTCUSDT-1m-${year}.csv.gz`,
      format: "csv" as const,
      gzip: true,
    }));
    await house.ingest.ingestFiles(series, files, {
      ...{ source: "import", actor: "bench", commandId: crypto.randomUUID() },
    });
  } finally {
    clearInterval(timer);
    await house.close();
    await database.close();
    await Deno.remove(folder, { recursive: true });
  }
  return [result({
    name: "event-loop stall during the import, p99",
    unit: "ms",
    value: percentile(stalls, 99),
    goal: { atMost: 50 },
  })];
}
