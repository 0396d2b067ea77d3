import { DuckDBInstance } from "@duckdb/node-api";

/** Rows of one POST: a month of minutes. */
export const MONTH_ROWS = 44_640;
export const MINUTE_MS = 60_000;

export interface Month {
  readonly csv: string;
  readonly parquet: Uint8Array<ArrayBuffer>;
  readonly influx: string;
  readonly from: number;
}

/**
 * Months of 44,640 minutes, cut from the real 2020 candles and moved to begin at `from`: what they
 * say is real, when they say it is chosen, so that the same rows serve history and hot tests.
 */
export async function realMonths(shared: string, from: number, count: number): Promise<Month[]> {
  const folder = await Deno.makeTempDir({ prefix: "bench-" });
  const instance = await DuckDBInstance.create(":memory:");
  const db = await instance.connect();
  await db.run(`create table minutes as
    select (row_number() over () - 1)::bigint as n, open, high, low, close, volume
    from read_csv('${shared}/spot_1m/BTCUSDT-1m-2020.csv.gz', all_varchar = true)`);
  const months: Month[] = [];
  for (let i = 0; i < count; i++) {
    const start = from + i * MONTH_ROWS * MINUTE_MS;
    const rows = `select ${start} + (n - ${i * MONTH_ROWS}) * ${MINUTE_MS} as open_time, open, high,
      low, close, volume from minutes where n >= ${i * MONTH_ROWS} and n < ${(i + 1) * MONTH_ROWS}`;
    const file = `${folder}/${i}`;
    await db.run(`copy (${rows}) to '${file}.csv' (header)`);
    await db.run(
      `copy (select open_time, ${
        ["open", "high", "low", "close", "volume"].map((c) => `${c}::decimal(18, 8) as ${c}`).join(
          ", ",
        )
      } from (${rows})) to '${file}.parquet' (format parquet, codec zstd)`,
    );
    const csv = await Deno.readTextFile(`${file}.csv`);
    months.push({
      csv,
      parquet: await Deno.readFile(`${file}.parquet`),
      influx: lines(csv),
      from: start,
    });
  }
  db.closeSync();
  instance.closeSync();
  await Deno.remove(folder, { recursive: true });
  return months;
}

function lines(csv: string): string {
  return csv.trim().split("\n").slice(1).map((line) => {
    const [time, open, high, low, close, volume] = line.split(",");
    return `candles,exchange=binance,symbol=BTC-USDT,interval=1m ` +
      `open=${open},high=${high},low=${low},close=${close},volume=${volume} ${time}`;
  }).join("\n");
}
