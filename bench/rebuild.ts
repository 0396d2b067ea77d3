import type { Database } from "@/events/store/database.ts";
import { openHouse } from "@/tests/support/house.ts";
import { openCounted } from "./counted.ts";
import { MONTH_ROWS, realMonths } from "./data.ts";
import { type Result, result, timed } from "./result.ts";

const SMALL_EVENTS = 200_000;
const MONTHS = 4;

/** Small events folded anew, and hot rows beside the database's own bulk rate for the same rows. */
export async function benchRebuild(
  shared: string,
  open: (name: string) => Promise<Database>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const engine of ["postgres", "pglite"]) {
    results.push(await smallEvents(engine, await open(engine)));
    results.push(await hotRows(engine, { database: await open(engine), shared }));
  }
  return results;
}

async function smallEvents(engine: string, database: Database): Promise<Result> {
  const house = await openCounted(database, { follow: true });
  try {
    for (let n = 0; n < SMALL_EVENTS; n += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => house.append(`k${(n + i) % 50_000}-${n}`, i)),
      );
    }
    const ms = await timed(() => house.follower.rebuild("counted", {}));
    return result({
      name: `rebuild of small events, ${engine}`,
      unit: "events/s",
      value: SMALL_EVENTS / ms * 1000,
      goal: { atLeast: 50_000 },
    });
  } finally {
    await house.close();
  }
}

async function hotRows(
  engine: string,
  { database, shared }: { database: Database; shared: string },
): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "bench-" });
  const house = await openHouse(database, { folder });
  try {
    const series = { exchange: "binance", symbol: "HOT/USDT", interval: "1m" } as const;
    const from = Date.now() - Date.now() % 86_400_000 - 300 * 86_400_000;
    for (const { csv } of await realMonths(shared, from, MONTHS)) {
      const path = `${folder}/month.csv`;
      await Deno.writeTextFile(path, csv);
      await house.ingest.ingestFiles(series, [{ path, format: "csv", gzip: false }], {
        ...{ source: "import", actor: "bench", commandId: crypto.randomUUID() },
      });
    }
    const ms = await timed(() => house.follower.rebuild("klines", {}));
    const bulkMs = await copyRows(database);
    const rate = (over: number) => MONTHS * MONTH_ROWS / over * 1000;
    return result({
      name: `rebuild of hot rows, ${engine}`,
      unit: "rows/s",
      value: rate(ms),
      peer: { name: "insert … select from unnest of the same rows", value: rate(bulkMs) },
      goal: { ratioAtLeast: 0.8 },
    });
  } finally {
    await house.close();
    await database.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * How many ms the database itself takes for the same rows: arrays of values in, rows with a primary
 * key out, chunk by chunk. What it takes to read them beforehand does not count.
 */
async function copyRows(database: Database): Promise<number> {
  await database.script("create table bulk (like klines_v1_a including all)");
  const chunk = database.engine === "pglite" ? 1_000 : 10_000;
  const columns = [
    "series_id",
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "source",
    "pos",
  ];
  const types = ["text", "bigint", ...Array(5).fill("numeric"), "smallint", "bigint"];
  const aggregates = columns.map((c) => `array_agg(${c})::text`).join(", ");
  const insert = `insert into bulk (${columns.join(", ")}) select * from unnest(${
    types.map((type, i) => `$${i + 1}::${type}[]`).join(", ")
  }) on conflict (series_id, open_time) do nothing`;
  let ms = 0;
  for (let after = -1;;) {
    const [read = []] = await database.values(
      `select max(open_time)::text, ${aggregates} from (select * from klines_v1
       where open_time > ${after} order by open_time limit ${chunk}) k`,
    );
    const [last, ...arrays] = read;
    if (last === null) return ms;
    ms += await timed(() => database.query(insert, arrays.map(String)));
    after = Number(last);
  }
}
