import assert from "node:assert/strict";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { openDuckdbLake } from "@/adapters/lake/duckdb.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { LakeQuery } from "@/domain/ports/lake.ts";
import { candle } from "../../support/candles.ts";
import { csvOf, hotRowsOf, type LakeFixture, minute, withLake } from "./lake_fixture.ts";

const QUERY = {
  ...{ files: [], stored: "1m", interval: "1m", from: 0, to: minute(100), limit: 100 },
  ...{ order: "asc", keep: "oldest", fill: "none", partial: false, completeTo: minute(100) },
  ...{ format: "arrays", numbers: "number" },
} as const satisfies LakeQuery;

const CANDLES = [0, 1, 2].map((n) => candle({ openTime: minute(n), volume: `${n}.10` }));
const HOT = hotRowsOf(CANDLES.map((c) => ({ ...c, source: "exchange" })));

async function gunzipped(bytes: Uint8Array): Promise<string> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

Deno.test("the lake writes arrays, objects, csv and freqtrade's JSON as the formats have it", () =>
  withLake(async ({ lake }) => {
    const query = { ...QUERY, hot: HOT, limit: 1 };
    const text = async (format: LakeQuery["format"], numbers: LakeQuery["numbers"] = "number") =>
      new TextDecoder().decode((await lake.read({ ...query, format, numbers })).bytes);
    const [t, close] = [minute(0), minute(1) - 1];
    assert.equal(await text("arrays"), `[[${t},10,12,9,11,0.1,${close},null,null,null,null]]`);
    assert.equal(
      await text("arrays", "string"),
      `[[${t},"10","12","9","11","0.1",${close},null,null,null,null]]`,
    );
    assert.equal(
      await text("objects"),
      `[{"open_time":${t},"open":10,"high":12,"low":9,"close":11,"volume":0.1,"close_time":${close},` +
        `"quote_volume":null,"trades_count":null,"taker_buy_volume":null,"taker_buy_quote_volume":null}]`,
    );
    assert.equal(
      await text("csv"),
      `open_time,open,high,low,close,volume,close_time,quote_volume,trades_count,taker_buy_volume,` +
        `taker_buy_quote_volume\n${t},10,12,9,11,0.1,${close},,,,\n`,
    );
    const { bytes } = await lake.read({ ...query, format: "freqtrade" });
    assert.equal(await gunzipped(bytes), `[[${t},10,12,9,11,0.1]]`);
  }));

Deno.test("the lake answers a read as a Parquet file of eleven columns", () =>
  withLake(async ({ lake, path }) => {
    const result = await lake.read({
      ...QUERY,
      hot: HOT,
      limit: 2,
      order: "desc",
      keep: "latest",
      format: "parquet",
    });
    assert.deepEqual([result.rows, result.more], [2, true]);
    const file = path("parquet");
    await Deno.writeFile(file, result.bytes);
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors });
    assert.deepEqual(rows.map(({ open_time }) => open_time), [
      BigInt(minute(2)),
      BigInt(minute(1)),
    ]);
    assert.deepEqual(Object.keys(rows[0] ?? {}).length, 11);
    assert.equal(rows[0]?.close_time, BigInt(minute(3) - 1));
    assert.equal(rows[0]?.volume, 2.1);
  }));

Deno.test("the lake answers no rows in every format when there is nothing to read", () =>
  withLake(async ({ lake }) => {
    for (const hot of [undefined, "", HOT]) {
      for (const format of ["arrays", "objects", "csv", "freqtrade"] as const) {
        const result = await lake.read({ ...QUERY, hot, to: minute(-1), format });
        const { bytes, ...facts } = result;
        assert.deepEqual(facts, {
          rows: 0,
          firstOpenTime: undefined,
          lastOpenTime: undefined,
          more: false,
        });
        const text = format === "freqtrade"
          ? await gunzipped(bytes)
          : new TextDecoder().decode(bytes);
        assert.match(text, format === "csv" ? /^open_time,.*\n$/ : /^\[\]$/);
      }
    }
  }));

Deno.test("the lake reads many queries at once", () =>
  withLake(async ({ lake }) => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, n) => lake.read({ ...QUERY, hot: HOT, limit: 1 + n % 3 })),
    );
    assert.deepEqual(results.map(({ rows }) => rows), results.map((_, n) => 1 + n % 3));
  }));

async function leftFiles({ directory }: LakeFixture): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(`${directory}/temp`))).map(({ name }) => name);
}

Deno.test("the lake leaves no files behind, whether work succeeds, fails or is refused", () =>
  withLake(async (fixture) => {
    const { lake, stage, file } = fixture;
    await lake.read({ ...QUERY, hot: HOT });
    await lake.read({ ...QUERY, hot: HOT, format: "parquet" });
    await assert.rejects(lake.read({ ...QUERY, hot: "a,b\n" }));
    await assert.rejects(stage([await file(`[[1,2,3,4,5,6]`, "freqtrade")]));
    const batch = await stage([await file(`${csvOf(CANDLES)}\nbroken`)]);
    await batch.compare("2024-05", { hot: HOT }, { source: "api", overwrite: false });
    await batch.drop();
    assert.deepEqual(await leftFiles(fixture), []);
  }));

Deno.test("the lake cannot read or write outside its directories", () =>
  withLake(async ({ lake, stage, file }) => {
    const outside = await Deno.makeTempFile({ suffix: ".csv" });
    try {
      await Deno.writeTextFile(outside, csvOf(CANDLES));
      const denied = (error: unknown) =>
        error instanceof AdapterError && error.port === "lake" && !error.retryable &&
        /Permission|disabled/.test(error.message);
      await assert.rejects(stage([{ path: outside, format: "csv", gzip: false }]), denied);
      await assert.rejects(lake.describe("/etc/passwd"), denied);
      const batch = await stage([await file(csvOf(CANDLES))]);
      await batch.compare("2024-05", {}, { source: "api", overwrite: false });
      await assert.rejects(batch.writeDelta("2024-05", `${outside}.parquet`), denied);
    } finally {
      await Deno.remove(outside);
    }
  }));

Deno.test("the lake takes a path for a name only, whatever it spells", () =>
  withLake(async ({ lake, directory }) => {
    for (const name of ["x'); drop schema main; --.parquet", "*.parquet", "a\nb.parquet"]) {
      await assert.rejects(lake.describe(`${directory}/${name}`), AdapterError);
    }
    await assert.rejects(lake.describe(`${directory}/a\0b`), AdapterError);
    assert.equal((await lake.read({ ...QUERY, hot: HOT })).rows, 3);
  }));

Deno.test("a missing file is an error of the lake that names what was tried", () =>
  withLake(async ({ lake, directory }) => {
    await assert.rejects(
      lake.describe(`${directory}/missing.parquet`),
      (error: unknown) =>
        error instanceof AdapterError && error.op === "describe" &&
        /missing\.parquet/.test(error.message),
    );
  }));

Deno.test("a read is stopped by its signal while others go on", () =>
  withLake(async ({ lake }) => {
    const far = `${minute(700_000)},10,12,9,11,1,,,,,,3\n`;
    const filled = { limit: 700_000, fill: "previous", to: minute(800_000) } as const;
    const long = { ...QUERY, ...filled, hot: HOT + far };
    const [stop, leave] = [new AbortController(), new AbortController()];
    const other = assert.rejects(lake.read(long, leave.signal)).then(() => "the other");
    const stopped = assert.rejects(lake.read(long, stop.signal), /enough/).then(() => "stopped");
    // Calls arrive in their order: the engine works on both by now, for seconds.
    assert.equal((await lake.read({ ...QUERY, hot: HOT })).rows, 3);
    stop.abort(new Error("enough"));
    assert.equal(await Promise.race([other, stopped]), "stopped");
    assert.equal((await lake.read({ ...QUERY, hot: HOT })).rows, 3);
    leave.abort();
    await other;
  }));

Deno.test("a closed lake refuses what comes later, and closing it twice does no harm", async () => {
  const tempDir = await Deno.makeTempDir();
  const lake = await openDuckdbLake({ tempDir, allowedDirectories: [] });
  await lake.close();
  await lake.close();
  await assert.rejects(lake.read({ ...QUERY, hot: HOT }), AdapterError);
  await Deno.remove(tempDir, { recursive: true });
});

Deno.test("the lake does not open with settings that the engine does not know", async () => {
  const tempDir = await Deno.makeTempDir();
  await assert.rejects(
    openDuckdbLake({ tempDir, allowedDirectories: [], memoryLimit: "plenty" }),
    AdapterError,
  );
  await Deno.remove(tempDir, { recursive: true });
});

Deno.test("the lake removes what a killed process left behind an hour ago, and nothing else", async () => {
  const tempDir = await Deno.makeTempDir();
  const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of ["lake-1-old.csv", "other.csv", "lake-1-new.csv"]) {
    await Deno.writeTextFile(`${tempDir}/${name}`, "x");
    if (!name.includes("new")) await Deno.utime(`${tempDir}/${name}`, hoursAgo, hoursAgo);
  }
  const lake = await openDuckdbLake({ tempDir, allowedDirectories: [] });
  await lake.close();
  const names = (await Array.fromAsync(Deno.readDir(tempDir))).map(({ name }) => name);
  assert.deepEqual(names.sort(), ["lake-1-new.csv", "other.csv"]);
  await Deno.remove(tempDir, { recursive: true });
});

Deno.test("reads are answered while more imports run than the lake works on at once", () =>
  withLake(async ({ lake, stage, file }) => {
    const text = csvOf(
      Array.from({ length: 20_000 }, (_, n) => candle({ openTime: minute(n - 30_000) })),
    );
    const input = await file(text);
    let staged = 0;
    const staging = Array.from({ length: 6 }, () => stage([input]).then(() => staged++));
    assert.equal((await lake.read({ ...QUERY, hot: HOT })).rows, 3);
    assert.ok(staged < 6);
    await Promise.all(staging);
  }));
