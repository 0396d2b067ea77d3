import { deepEqual, equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Interval } from "@/domain/klines/interval.ts";
import type { ReadFormat } from "@/domain/ports/lake.ts";
import { gunzipped, realDataTest, SHARED_DATA } from "../support/shared_data.ts";
import { type House, openHouse } from "../support/house.ts";
import { databases } from "../support/database.ts";

const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const ID = "binance.BTC-USDT.1m";
const YEARS = [2017, 2018, 2019, 2020];
const MINUTE = 60_000;
const [BARS_15M, BARS_1H] = [117_860, 29_475];
const END = Date.UTC(2021, 0, 1);

type Row = readonly [number, string, string, string, string, string];

for (const { name, open } of databases()) {
  realDataTest(`BTCUSDT 2017 to 2020 imports, reads back and aggregates on ${name}`, async (t) => {
    const { database, close } = await open();
    const folder = await Deno.makeTempDir();
    const house = await openHouse(database, { folder });
    try {
      const files = YEARS.map((year) => ({
        path: `${SHARED_DATA}/spot_1m/BTCUSDT-1m-${year}.csv.gz`,
        format: "csv" as const,
        gzip: true,
      }));
      const options = { source: "import", actor: "test", commandId: crypto.randomUUID() } as const;

      await t.step("every one of the 1,767,792 rows is ingested", async () => {
        const outcome = await house.ingest.ingestFiles(SERIES, files, options);
        equal(await house.follower.waitFor(outcome.position, 60_000), true);
        const { ingested, revised, unchanged, rejectedTotal } = outcome;
        deepEqual({ ingested, revised, unchanged, rejectedTotal }, {
          ...{ ingested: 1_767_792, revised: 0, unchanged: 0, rejectedTotal: 0 },
        });
      });
      await t.step("a repeat of the command answers the same and records nothing", async () => {
        const head = await house.store.head();
        const again = await house.ingest.ingestFiles(SERIES, files, options);
        deepEqual([again.ingested, await house.store.head()], [1_767_792, head]);
      });
      await t.step("a second import finds every row unchanged", async () => {
        const head = await house.store.head();
        const again = await house.ingest.ingestFiles(SERIES, files, {
          ...options,
          commandId: crypto.randomUUID(),
        });
        deepEqual([again.unchanged, again.ingested, again.revised], [1_767_792, 0, 0]);
        equal(await house.store.head(), head);
      });
      await t.step("every row and digit reads back as the files have it", () => readsBack(house));
      await t.step("its gaps are those of the gap file", () => gapsAgree(house));
      await t.step("the minute that holds two bars keeps both", () => doubledMinute(house));
      // The exchange's own 15m and 1h files (spot/) begin after 2020: no bar of theirs can be compared.
      for (const interval of ["15m", "1h"] as const) {
        await t.step(
          `${interval} bars equal those that SQL makes of the files`,
          () => equalsSql(house, interval),
        );
      }
      await t.step(
        "4h bars differ from the exchange's only where documented",
        () =>
          differences(house, "4h", {
            offGrid: 92,
            volumeOnly: 30,
            shortened: 2,
            pinned: "d731d83d5a35541b",
          }),
      );
      await t.step(
        "1d bars differ from the exchange's only where documented",
        () =>
          differences(house, "1d", {
            offGrid: 17,
            volumeOnly: 27,
            shortened: 0,
            pinned: "fae52936f63bd87f",
          }),
      );
    } finally {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function readsBack(house: House): Promise<void> {
  let rows = 0;
  for (const year of YEARS) {
    const lines = (await gunzipped(`spot_1m/BTCUSDT-1m-${year}.csv.gz`)).trim().split("\n");
    for (let at = 1; at < lines.length; at += 50_000) {
      const chunk = lines.slice(at, at + 50_000).map((line) => rowOf(line.split(",")));
      const page = await read(house, "1m", { start: chunk[0]?.[0] ?? 0, limit: chunk.length });
      deepEqual(page.map((row) => row.slice(0, 6)), chunk);
      rows += page.length;
    }
  }
  equal(rows, 1_767_792);
}

function rowOf([time, ...values]: readonly string[]): Row {
  const [open = "", high = "", low = "", close = "", volume = ""] = values.map(canonical);
  return [Number(time), open, high, low, close, volume];
}

function canonical(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

async function read(
  house: House,
  interval: Interval,
  { start, end = END, limit }: { start: number; end?: number; limit: number },
): Promise<Row[]> {
  const format: ReadFormat = "arrays";
  const { bytes } = await house.reader.read({
    ...{ seriesId: ID, stored: "1m", interval, start, end, limit, order: "asc", fill: "none" },
    ...{ partial: false, format, numbers: "string" },
  });
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function gapsAgree(house: House): Promise<void> {
  const file = await Deno.readTextFile(`${SHARED_DATA}/spot_1m/GAPS_BTCUSDT_1m_full_history.csv`);
  const expected = file.trim().split("\n").slice(2).map((line) => {
    const [first = "", last = "", missing] = line.split(",");
    return [Date.parse(first), Date.parse(last) + MINUTE, Number(missing)];
  }).filter(([from = 0]) => from < END);
  const gaps = await house.series.gaps(ID);
  deepEqual(gaps.map(({ from, to, missing }) => [from, to, missing]), expected);
  const found = await house.series.find(ID);
  deepEqual([found?.candles, found?.gaps, found?.hotRows, found?.coldMonths], [
    1_767_792,
    expected.length,
    0,
    41,
  ]);
}

async function doubledMinute(house: House): Promise<void> {
  const start = Date.parse("2017-12-04T06:00:00Z");
  const rows = await read(house, "1m", { start, end: start + MINUTE, limit: 10 });
  deepEqual(rows.map(([time]) => time - start), [0, 20_799]);
}

/** The files as they are, aggregated by a database of their own that knows nothing of ours. */
async function equalsSql(house: House, interval: "15m" | "1h"): Promise<void> {
  const minutes = interval === "1h" ? 60 : 15;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    // Minutes without volume repeat the close before: where others are, they make no bar.
    const reader = await connection.runAndReadAll(`
      with minute as (
        select open_time, open::decimal(18, 8) as o, high::decimal(18, 8) as h,
          low::decimal(18, 8) as l, close::decimal(18, 8) as c, volume::decimal(18, 8) as v,
          open_time - open_time % (${minutes} * 60000) as bar
        from read_csv('${SHARED_DATA}/spot_1m/BTCUSDT-1m-20??.csv.gz', all_varchar = false,
          types = {'open': 'VARCHAR', 'high': 'VARCHAR', 'low': 'VARCHAR', 'close': 'VARCHAR',
            'volume': 'VARCHAR'}))
      select bar,
        coalesce(arg_min(o, open_time) filter (v > 0), arg_min(o, open_time))::varchar,
        coalesce(max(h) filter (v > 0), max(h))::varchar,
        coalesce(min(l) filter (v > 0), min(l))::varchar,
        coalesce(arg_max(c, open_time) filter (v > 0), arg_max(c, open_time))::varchar,
        sum(v)::varchar
      from minute where bar < ${END} group by bar order by bar`);
    const expected = reader.getRows().map((row) => rowOf(row.map(String)));
    const start = expected[0]?.[0] ?? 0;
    const ours: Row[] = [];
    for (let from = start; from < END; from = (ours.at(-1)?.[0] ?? END) + 1) {
      const page = await read(house, interval, { start: from, limit: 50_000 });
      if (page.length === 0) break;
      ours.push(...page);
    }
    deepEqual(ours.map((row) => row.slice(0, 6)), expected);
    equal(ours.length, interval === "1h" ? BARS_1H : BARS_15M);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Bars that the off-grid minutes of the data README (2) touch. */
function isOffGrid(openTime: number, interval: "4h" | "1d"): boolean {
  const length = interval === "4h" ? 4 * 60 * MINUTE : 24 * 60 * MINUTE;
  return OFF_GRID.some(([from, to]) => openTime + length > from && openTime <= to);
}

const OFF_GRID = [
  [Date.parse("2017-12-04T06:00:20Z"), Date.parse("2017-12-18T10:01:20Z")],
  [Date.parse("2018-02-09T09:59:14Z"), Date.parse("2018-02-10T06:00:14Z")],
] as const;

/** Each difference has a reason, and our bars and theirs are, digit for digit, those that were looked at. */
async function differences(
  house: House,
  interval: "4h" | "1d",
  expected: { offGrid: number; volumeOnly: number; shortened: number; pinned: string },
): Promise<void> {
  const lines = (await gunzipped(`spot/BTCUSDT-${interval}.csv.gz`)).trim().split("\n").slice(1);
  const start = Date.parse("2017-08-17T00:00:00Z");
  const ours = new Map(
    (await read(house, interval, { start, limit: 50_000 })).map((row) => [row[0], row]),
  );
  const all: unknown[] = [];
  const counts = { offGrid: 0, volumeOnly: 0, shortened: 0 };
  const length = interval === "4h" ? 4 * 60 * MINUTE : 24 * 60 * MINUTE;
  for (const line of lines) {
    const cells = line.split(",");
    const theirs = rowOf(cells);
    const mine = ours.get(theirs[0])?.slice(0, 6);
    if (theirs[0] >= END) break;
    if (mine !== undefined && String(mine) === String(theirs)) continue;
    all.push([mine, theirs]);
    const shortened = Number(cells[6]) < theirs[0] + length - 1;
    if (isOffGrid(theirs[0], interval)) counts.offGrid++;
    else if (String(mine?.slice(0, 5)) === String(theirs.slice(0, 5))) counts.volumeOnly++;
    else if (shortened) counts.shortened++;
    else throw new Error(`unexplained: ${mine} is not ${theirs}`);
  }
  const pinned = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
  deepEqual({ ...counts, pinned }, expected);
}
