import assert from "node:assert/strict";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { candle } from "../../support/candles.ts";
import { realDataTest, SHARED_DATA } from "../../support/shared_data.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { csvOf, type LakeFixture, minute, withLake } from "./lake_fixture.ts";

const IMPORT = { source: "import", overwrite: false } as const;

async function fileOf(
  { stage, file, path }: LakeFixture,
  candles: readonly Candle[],
): Promise<string> {
  const batch = await stage([await file(csvOf(candles))]);
  const out = path("parquet");
  for (const { period } of batch.periods) {
    await batch.compare(period, {}, IMPORT);
    await batch.writeMerged(period, batch.scale, out);
  }
  await batch.drop();
  return out;
}

function someCandles(count: number): Candle[] {
  return Array.from({ length: count }, (_, n) =>
    candle({
      openTime: minute(n),
      volume: `${n}.5`,
      closeTime: n === 3 ? minute(3) + 20_799 : null,
      quoteVolume: n === 4 ? null : "40.125",
      tradesCount: n,
    }));
}

Deno.test("period files are read by another reader of Parquet, every value exact", () =>
  withLake(async (fixture) => {
    const path = await fileOf(fixture, someCandles(5));
    const buffer = await asyncBufferFromFile(path);
    const rows = await parquetReadObjects({ file: buffer, compressors });
    assert.deepEqual(rows[3], {
      open_time: BigInt(minute(3)),
      open: 10,
      high: 12,
      low: 9,
      close: 11,
      volume: 3.5,
      close_time: BigInt(minute(3) + 20_799),
      quote_volume: 40.125,
      trades_count: 3n,
      taker_buy_volume: null,
      taker_buy_quote_volume: null,
      source: 2,
    });
    assert.equal(rows[4]?.quote_volume, null);
    const { schema, key_value_metadata } = await parquetMetadataAsync(buffer);
    const decimals = schema.filter(({ scale }) => scale !== undefined);
    assert.deepEqual(decimals.map(({ name, precision, scale }) => [name, precision, scale]), [
      ["open", 18, 0],
      ["high", 18, 0],
      ["low", 18, 0],
      ["close", 18, 0],
      ["volume", 18, 1],
      ["quote_volume", 18, 3],
      ["taker_buy_volume", 18, 1],
      ["taker_buy_quote_volume", 18, 3],
    ]);
    const interval = key_value_metadata?.find(({ key }) => key === "interval");
    assert.equal(interval?.value, "1m");
  }));

Deno.test("columns of a file are array literals, in pieces, in order", () =>
  withLake(async (fixture) => {
    const path = await fileOf(fixture, someCandles(5));
    const pieces = await Array.fromAsync(fixture.lake.columns(path, 2));
    assert.deepEqual(pieces.map(({ rows }) => rows), [2, 2, 1]);
    assert.deepEqual(pieces[1]?.literals, [
      `{${minute(2)},${minute(3)}}`,
      "{10,10}",
      "{12,12}",
      "{9,9}",
      "{11,11}",
      "{2.5,3.5}",
      `{NULL,${minute(3) + 20_799}}`,
      "{40.125,40.125}",
      "{2,3}",
      "{NULL,NULL}",
      "{NULL,NULL}",
      "{2,2}",
    ]);
    const whole = await Array.fromAsync(fixture.lake.columns(path, 5));
    assert.deepEqual(whole.map(({ rows }) => rows), [5]);
  }));

Deno.test("columns of a file longer than a page are whole, each row once, at any size of a piece", () =>
  withLake(async (fixture) => {
    const path = await fileOf(fixture, someCandles(30_002));
    for (const size of [7_000, 30_000]) {
      const pieces = await Array.fromAsync(fixture.lake.columns(path, size));
      const times = pieces.flatMap(({ literals }) => literals[0]?.slice(1, -1).split(",") ?? []);
      assert.deepEqual(times, Array.from({ length: 30_002 }, (_, i) => String(minute(i))));
      assert.deepEqual(new Set(pieces.slice(0, -1).map(({ rows }) => rows)), new Set([size]));
    }
  }));

Deno.test("columns: who stops early may let go of the file at once, and one that breaks says so", () =>
  withLake(async (fixture) => {
    const { lake } = fixture;
    const path = await fileOf(fixture, someCandles(30_002));
    for await (const { rows } of lake.columns(path, 5_000)) {
      assert.equal(rows, 5_000);
      break;
    }
    await Deno.remove(path);
    await assert.rejects(Array.fromAsync(lake.columns(path, 5_000)), { name: "AdapterError" });
  }));

Deno.test("a file at a wider scale has the same candles and the same checksum", () =>
  withLake(async (fixture) => {
    const { lake } = fixture;
    const path = await fileOf(fixture, someCandles(5));
    const before = await lake.describe(path);
    const scale = { price: 3, volume: 9, quote: 3 };
    const out = fixture.path("parquet");
    const facts = await lake.rescale(path, scale, out);
    assert.deepEqual(facts, { ...before, scale });
    assert.deepEqual(await lake.describe(out), facts);
    const widest = await lake.rescale(
      out,
      { price: 18, volume: 18, quote: 18 },
      fixture.path("parquet"),
    );
    assert.equal(widest.checksum, before.checksum);
  }));

Deno.test("the checksum tells files apart that differ in one value, one null or one source", () =>
  withLake(async (fixture) => {
    const candles = someCandles(3);
    const [first] = candles;
    assert.ok(first);
    const variants: Candle[][] = [
      candles,
      candles.slice(1),
      [{ ...first, close: "11.000000001" }, ...candles.slice(1)],
      [{ ...first, tradesCount: null }, ...candles.slice(1)],
      [{ ...first, openTime: first.openTime + 1 }, ...candles.slice(1)],
      [{ ...first, quoteVolume: null, takerBuyVolume: first.quoteVolume }, ...candles.slice(1)],
    ];
    const sums = new Set<string>();
    for (const variant of variants) {
      sums.add((await fixture.lake.describe(await fileOf(fixture, variant))).checksum);
    }
    const batch = await fixture.stage([await fixture.file(csvOf(candles))]);
    await batch.compare("2024-05", {}, { source: "exchange", overwrite: false });
    sums.add((await batch.writeDelta("2024-05", fixture.path("parquet"))).checksum);
    assert.equal(sums.size, variants.length + 1);
  }));

Deno.test("a file without a range holds the rows outside, and none is written when nothing is left", () =>
  withLake(async (fixture) => {
    const { lake } = fixture;
    const path = await fileOf(fixture, someCandles(5));
    const out = fixture.path("parquet");
    const facts = await lake.without(path, [minute(1), minute(3)], out);
    assert.equal(facts?.rows, 3);
    assert.deepEqual(facts?.held, [[minute(0), minute(1)], [minute(3), minute(5)]]);
    assert.deepEqual(await lake.describe(out), facts);
    const none = fixture.path("parquet");
    assert.equal(await lake.without(path, [minute(0), minute(5)], none), undefined);
    await assert.rejects(Deno.stat(none), Deno.errors.NotFound);
  }));

Deno.test("files of different scales and widths are read together, every digit kept", () =>
  withLake(async (fixture) => {
    const values = ["4000.151", "4000.15", "1234567890123456789.5", "0.000000000000000001"];
    const files: string[] = [];
    for (const [n, value] of values.entries()) {
      const prices = { open: value, high: value, low: value, close: value };
      files.push(await fileOf(fixture, [candle({ openTime: minute(n), ...prices })]));
    }
    const { bytes } = await fixture.lake.read({
      ...{ files, stored: "1m", interval: "1m", from: 0, to: minute(9), limit: 9, order: "asc" },
      ...{ keep: "oldest", fill: "none", partial: false, completeTo: minute(9) },
      ...{ format: "arrays", numbers: "string" },
    });
    const rows: string[][] = JSON.parse(new TextDecoder().decode(bytes));
    assert.deepEqual(rows.map(([, open]) => open), values);
  }));

Deno.test("off-grid candles are kept, and cover the slot they lie in", () =>
  withLake(async (fixture) => {
    const times = [minute(0), minute(0) + 20_799, minute(2) + 20_799];
    const path = await fileOf(fixture, times.map((openTime) => candle({ openTime })));
    const { rows, held } = await fixture.lake.describe(path);
    assert.equal(rows, 3);
    assert.deepEqual(held, [[minute(0), minute(1)], [minute(2), minute(3)]]);
  }));

realDataTest(
  "months of 1m candles take at most 11 bytes a candle for six columns, 25 for eleven",
  () =>
    withLake(async ({ lake, path }) => {
      const now = Date.UTC(2026, 0, 1);
      const months = [
        { file: "spot_1m/BTCUSDT-1m-2019.csv.gz", period: "2019-05", atMost: 11 },
        { file: "futures_1m/FILUSDT-1m-2023-08.csv.gz", period: "2023-08", atMost: 25 },
      ];
      for (const { file, period, atMost } of months) {
        const files = [{ path: `${SHARED_DATA}/${file}`, format: "csv", gzip: true } as const];
        const batch = await lake.stage({ files, interval: "1m", now });
        await batch.compare(period, {}, IMPORT);
        const out = path("parquet");
        const { rows } = await batch.writeMerged(period, batch.scale, out);
        assert.ok(rows > 44_000);
        const { size } = await Deno.stat(out);
        assert.ok(size / rows <= atMost, `${period}: ${size / rows} bytes a candle`);
        await batch.drop();
      }
    }, { allowedDirectories: [SHARED_DATA] }),
);

realDataTest(
  "2018-11 and 2018-12, of two and three decimals, read back equal to their file together",
  () =>
    withLake(async ({ lake, path }) => {
      const source = `${SHARED_DATA}/spot_1m/BTCUSDT-1m-2018.csv.gz`;
      const files = [{ path: source, format: "csv", gzip: true } as const];
      const batch = await lake.stage({ files, interval: "1m", now: Date.UTC(2026, 0, 1) });
      const written: string[] = [];
      for (const period of ["2018-11", "2018-12"]) {
        await batch.compare(period, {}, IMPORT);
        written.push(path("parquet"));
        await batch.writeMerged(period, {
          price: period === "2018-11" ? 2 : 3,
          volume: 6,
          quote: 0,
        }, written.at(-1) ?? "");
      }
      const { bytes, rows } = await lake.read({
        ...{
          files: written,
          stored: "1m",
          interval: "1m",
          from: Date.UTC(2018, 10),
          to: Date.UTC(2019),
        },
        ...{ limit: 100_000, order: "asc", keep: "oldest", fill: "none", partial: false },
        ...{ completeTo: Date.UTC(2019), format: "csv", numbers: "number" },
      });
      const text = await new Response(
        (await Deno.open(source)).readable.pipeThrough(new DecompressionStream("gzip")),
      ).text();
      const expected = text.split("\n").slice(1).filter((line) =>
        Number(line.split(",")[0]) >= Date.UTC(2018, 10)
      )
        .map((line) => line.split(",").map((value) => String(Number(value))).join(","));
      const actual = new TextDecoder().decode(bytes).split("\n").slice(1, -1)
        .map((line) => line.split(",").slice(0, 6).join(","));
      assert.equal(rows, actual.length);
      assert.deepEqual(actual, expected.filter((line) => line !== "0"));
      assert.ok(actual.some((line) => line.includes(",4000.151,")));
    }, { allowedDirectories: [SHARED_DATA] }),
);
