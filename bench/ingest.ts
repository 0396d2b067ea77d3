import { MINUTE_MS, type Month, MONTH_ROWS, realMonths } from "./data.ts";
import { type Influx, startInflux } from "./influx.ts";
import { median, percentile, type Result, result, timed } from "./result.ts";
import { type Service, startService } from "./service.ts";

const MONTHS = 10;
const DAY_MS = 86_400_000;

interface Tier {
  readonly name: "history" | "hot rows";
  readonly from: number;
  readonly goal: Record<"pglite" | "postgres", number>;
}

/** Candles in, durable and queryable, through HTTP: months of real rows, beside InfluxDB. */
export async function benchIngest(
  shared: string,
  freshPostgres: () => Promise<string>,
): Promise<Result[]> {
  const now = Date.now();
  const hotFrom = now - now % DAY_MS - 330 * DAY_MS;
  const tiers: Tier[] = [
    { name: "history", from: Date.UTC(2018, 0, 1), goal: { pglite: 2, postgres: 2 } },
    { name: "hot rows", from: hotFrom, goal: { pglite: 0.3, postgres: 0.5 } },
  ];
  const influx = await startInflux();
  const results: Result[] = [];
  try {
    for (const tier of tiers) {
      const months = await realMonths(shared, tier.from, MONTHS);
      const peer = influx === undefined ? undefined : {
        name: "influxdb line protocol",
        value: await influxRate(influx, months),
      };
      for (const engine of ["postgres", "pglite"] as const) {
        for (const format of ["csv", "parquet"] as const) {
          const value = await ourRate(
            months,
            format,
            engine === "postgres" ? await freshPostgres() : undefined,
          );
          results.push(result({
            name: `ingest ${tier.name}, ${format}, ${engine}`,
            unit: "rows/s",
            value,
            peer,
            goal: { ratioAtLeast: tier.goal[engine] },
          }));
        }
      }
    }
  } finally {
    await influx?.stop();
  }
  return results;
}

async function influxRate(influx: Influx, months: readonly Month[]): Promise<number> {
  const rates: number[] = [];
  for (const month of months) {
    rates.push(MONTH_ROWS / await timed(() => influx.write(month.influx)) * 1000);
  }
  return median(rates);
}

async function ourRate(
  months: readonly Month[],
  format: "csv" | "parquet",
  databaseUrl: string | undefined,
): Promise<number> {
  const service = await startService({ databaseUrl });
  try {
    const id = await addSeries(service, `B${crypto.randomUUID().slice(0, 6).toUpperCase()}/USDT`);
    const rates: number[] = [];
    for (const month of months) {
      rates.push(MONTH_ROWS / await timed(() => postMonth(service, id, { month, format })) * 1000);
    }
    return median(rates);
  } finally {
    await service.stop();
    await service.remove();
  }
}

async function addSeries({ post }: Service, symbol: string): Promise<string> {
  const body = JSON.stringify({ exchange: "binance", symbol, interval: "1m", watch: false });
  return String((await post("/api/v1/series", body, "application/json")).id);
}

async function postMonth(
  { post }: Service,
  id: string,
  { month, format }: { month: Month; format: "csv" | "parquet" },
): Promise<void> {
  const type = format === "csv" ? "text/csv" : "application/vnd.apache.parquet";
  const answer = await post(`/api/v1/series/${id}/klines`, month[format], type);
  if (answer.ingested !== MONTH_ROWS) {
    throw new Error(`Cannot trust this run: ${answer.ingested} of ${MONTH_ROWS} rows ingested`);
  }
}

/**
 * Reads of 1000 candles and appends while months of hot rows arrive on PGlite: nobody is silenced.
 * Each by a caller who asks again at once, alone beside the import and then both.
 */
export async function benchReadsDuringIngest(shared: string): Promise<Result[]> {
  const now = Date.now();
  const months = await realMonths(shared, now - now % DAY_MS - 330 * DAY_MS, 3);
  const service = await startService();
  try {
    const id = await addSeries(service, "STALL/USDT");
    await postMonth(service, id, { month: firstMonth(months), format: "csv" });
    let series = 0;
    const during = async (...works: ((n: number) => Promise<unknown>)[]) => {
      let importing = true;
      const callers = works.map(async (work) => {
        const latencies: number[] = [];
        for (let n = 0; importing; n++) latencies.push(await timed(() => work(n)));
        return percentile(latencies, 99);
      });
      const filled = await addSeries(service, `HOT${series++}/USDT`);
      for (const month of months) await postMonth(service, filled, { month, format: "csv" });
      importing = false;
      return await Promise.all(callers);
    };
    let added = 0;
    const { from } = firstMonth(months);
    const reading = (n: number) => read(service, from + n % 40_000 * MINUTE_MS);
    const appending = () => addSeries(service, `A${added++}/USDT`);
    const reads: number[] = [];
    const appends: number[] = [];
    const bothReads: number[] = [];
    const bothAppends: number[] = [];
    for (let round = 0; round < 3; round++) {
      reads.push(...await during(reading));
      appends.push(...await during(appending));
      const [read = NaN, append = NaN] = await during(reading, appending);
      bothReads.push(read);
      bothAppends.push(append);
    }
    const goal = { atMost: 60 };
    const name = "during a hot import, pglite, p99";
    return [
      result({ name: `1000-candle read ${name}`, unit: "ms", value: median(reads), goal }),
      result({ name: `append ${name}`, unit: "ms", value: median(appends), goal }),
      result({
        name: `1000-candle read beside appends ${name}`,
        unit: "ms",
        value: median(bothReads),
        goal: { none: true },
      }),
      result({
        name: `append beside reads ${name}`,
        unit: "ms",
        value: median(bothAppends),
        goal: { none: true },
      }),
    ];
  } finally {
    await service.stop();
    await service.remove();
  }
}

function firstMonth(months: readonly Month[]): Month {
  const [first] = months;
  if (first === undefined) throw new Error("Cannot measure: no months");
  return first;
}

async function read({ base }: Service, start: number): Promise<void> {
  const query = `exchange=binance&symbol=STALL/USDT&interval=1m&limit=1000&start=${start}`;
  await (await fetch(`${base}/api/v1/klines?${query}`)).arrayBuffer();
}
