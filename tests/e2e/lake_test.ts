import { deepEqual, equal } from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { asyncBufferFromUrl, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { sha256OfFile } from "@/adapters/blobs/hashing.ts";
import { command, type Place, withPlace } from "../support/place.ts";
import { type RunningProgram, startProgram, waitUntil } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const FOLDER = "binance/BTC-USDT/1m";
const MINUTE = 60_000;
/** Three days over a year's end. */
const START = Date.UTC(2018, 11, 30);
const COUNT = 3 * 1_440;

/** From the turn of the month on with one decimal more: files of both months must have both. */
function line(i: number): string {
  const openTime = START + i * MINUTE;
  const price = openTime < Date.UTC(2019, 0, 1) ? "4000.15" : "4000.151";
  return `${openTime},${price},4100,3900.5,${price},${i % 9}.${i % 10}`;
}

async function importCandles({ settings, path }: Place): Promise<void> {
  const lines = Array.from({ length: COUNT }, (_, i) => line(i));
  await Deno.writeTextFile(path("a.csv"), lines.join("\n"));
  equal((await command(["import", SERIES, path("a.csv")], settings)).ingested, COUNT);
}

/** What DuckDB, which knows nothing of us, finds in the folder. */
async function countedByDuckdb(lake: string): Promise<unknown> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const files = `read_parquet('${lake}/${FOLDER}/*.parquet', union_by_name=true)`;
  const result = await connection.runAndReadAll(
    `select count(*)::int, min(close)::varchar, max(close)::varchar, max(open_time)::varchar from ${files}`,
  );
  connection.closeSync();
  instance.closeSync();
  return result.getRows()[0];
}

const COUNTED = [COUNT, "4000.150", "4000.151", String(START + (COUNT - 1) * MINUTE)];

async function manifestIsWhole(lake: string): Promise<boolean> {
  const text = await Deno.readTextFile(`${lake}/manifest.json`).catch(() => undefined);
  if (text === undefined) return false;
  for (const { periods } of JSON.parse(text).series) {
    for (const { path, sha256, bytes } of periods) {
      deepEqual(await sha256OfFile(`${lake}/${path}`), { sha256, sizeBytes: bytes });
    }
  }
  return JSON.parse(text).series.length === 1;
}

async function rowsOverHttp({ address, get }: RunningProgram): Promise<number> {
  const { data } = await (await get(`/lake/${FOLDER}/`)).json();
  let rows = 0;
  for (const { url } of data.files) {
    equal(url.startsWith(address), true, url);
    const file = await asyncBufferFromUrl({ url });
    rows += (await parquetReadObjects({ file, compressors, columns: ["close"] })).length;
  }
  return rows;
}

Deno.test("a command on a stopped installation leaves a lake that DuckDB reads", () =>
  withPlace(async (place) => {
    await importCandles(place);
    const lake = `${place.settings.DATA_DIR}/lake`;
    equal(await manifestIsWhole(lake), true);
    deepEqual(await countedByDuckdb(lake), COUNTED);
    for await (const { name } of Deno.readDir(`${lake}/${FOLDER}`)) {
      const { mode, nlink } = await Deno.stat(`${lake}/${FOLDER}/${name}`);
      deepEqual([(mode ?? 0) & 0o777, nlink], [0o444, 2], name);
    }
  }));

Deno.test("a start makes a deleted lake again, while it serves the files all the same", () =>
  withPlace(async (place) => {
    await importCandles(place);
    const lake = `${place.settings.DATA_DIR}/lake`;
    await Deno.remove(lake, { recursive: true });
    const program = await startProgram(place.settings);
    equal(await rowsOverHttp(program), COUNT);
    equal(await waitUntil(() => manifestIsWhole(lake)), true);
    deepEqual(await countedByDuckdb(lake), COUNTED);
    const served = await (await program.get("/lake/manifest.json")).text();
    equal(served, await Deno.readTextFile(`${lake}/manifest.json`));
    // What people did to the folder hurts neither the blobs nor the service.
    await Deno.remove(lake, { recursive: true });
    equal(await rowsOverHttp(program), COUNT);
    equal((await command(["rebuild", "--all"], program.settings)).command, "rebuild");
    equal((await program.stop()).code, 0);
  }));
