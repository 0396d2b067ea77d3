import assert from "node:assert/strict";
import fc from "fast-check";
import { candle } from "../../support/candles.ts";
import { accepted, csvOf, minute, NOW, withLake } from "./lake_fixture.ts";

const HEADER = "open_time,open,high,low,close,volume";

function line(n: number, close = "11"): string {
  return `${minute(n)},10,12,9,${close},5`;
}

const MALFORMED = [
  { what: "too few fields", bad: `${minute(1)},10,12`, reason: "bad_number" },
  { what: "too many fields", bad: `${line(1)},6,7`, reason: "bad_number" },
  { what: "one field", bad: `oops`, reason: "bad_time" },
  { what: "a quote that is never closed", bad: `"${minute(1)},10,12,9,11,5`, reason: "bad_time" },
  { what: "a quote in the middle", bad: `${minute(1)},1"0,12,9,11,5`, reason: "bad_number" },
  { what: "a thousands separator", bad: `${minute(1)},"10,000",12,9,11,5`, reason: "bad_number" },
  { what: "a NUL", bad: `${minute(1)},10\0,12,9,11,5`, reason: "bad_number" },
  {
    what: "an own line end inside",
    bad: `${minute(1)},1\r0,12,9,11,5`,
    rows: 4,
    reason: "bad_number",
  },
  { what: "SQL", bad: `${minute(1)},'); drop schema main; --,12,9,11,5`, reason: "bad_number" },
  { what: "the header again", bad: HEADER, reason: "bad_time" },
  {
    what: "three million digits",
    bad: `${minute(1)},${"9".repeat(3_000_000)},12,9,11,5`,
    reason: "bad_number",
  },
];

for (const { what, bad, rows = 3, reason } of MALFORMED) {
  Deno.test(`staging refuses one line and keeps the others when a line has ${what}`, () =>
    withLake(async ({ file, stage }) => {
      const batch = await stage([await file([HEADER, line(0), bad, line(2), ""].join("\n"))]);
      assert.equal(batch.rows, rows);
      assert.deepEqual(batch.rejected.at(0)?.row, 2);
      assert.deepEqual(batch.rejected.at(0)?.reason, reason);
      assert.equal(batch.rejectedTotal, rows - 2);
      assert.deepEqual(await accepted(batch), [0, 2].map((n) => candle({ openTime: minute(n) })));
    }));
}

Deno.test("staging refuses one line when its bytes are no UTF-8", () =>
  withLake(async ({ file, stage }) => {
    const bytes = new TextEncoder().encode(
      [line(0), `${minute(1)},1?,12,9,11,5`, line(2)].join("\n"),
    );
    bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
    const batch = await stage([await file(bytes)]);
    assert.deepEqual(batch.rejected.map(({ row, reason }) => [row, reason]), [[2, "bad_number"]]);
    assert.equal(batch.accepted, 2);
  }));

Deno.test("staging keeps all rows when lines end in two ways", () =>
  withLake(async ({ file, stage }) => {
    const batch = await stage([await file(`${line(0)}\r\n${line(1)}\n\r\n${line(2)}\r\n`)]);
    assert.equal(batch.rows, 3);
    assert.equal(batch.accepted, 3);
  }));

Deno.test("staging counts rows over all files, headers and blank lines not counted", () =>
  withLake(async ({ file, stage }) => {
    const bad = "x,10,12,9,11,5";
    const batch = await stage([
      await file([HEADER, line(0), "", bad].join("\n")),
      await file([HEADER, line(1), `${bad},1`, line(2)].join("\n")),
      await file(`[[${minute(3)},10,12,9,11,5],["x",10,12,9,11,5]]`, "freqtrade"),
      await file([line(4), bad].join("\n"), "csv", true),
    ]);
    assert.equal(batch.rows, 9);
    assert.deepEqual(batch.rejected.map(({ row }) => row), [2, 4, 7, 9]);
    assert.equal(batch.accepted, 5);
  }));

Deno.test("staging lets the last of equal open times win, over files and in a file", () =>
  withLake(async ({ file, stage }) => {
    const batch = await stage([
      await file([line(0, "10.1"), line(1), line(0, "10.2")].join("\n")),
      await file([line(0, "10.3"), `${minute(0)},10,12,9,nan,5`].join("\n")),
    ]);
    assert.deepEqual(batch.rejected.map(({ row, reason, values }) => [row, reason, values]), [
      [1, "duplicate_in_batch", `${minute(0)},10,12,9,10.1,5,,,,,`],
      [3, "duplicate_in_batch", `${minute(0)},10,12,9,10.2,5,,,,,`],
      [5, "bad_number", `${minute(0)},10,12,9,nan,5,,,,,`],
    ]);
    assert.deepEqual((await accepted(batch)).map(({ close }) => close), ["10.3", "11"]);
  }));

Deno.test("staging counts a row that says what a later one says, and refuses neither", () =>
  withLake(async ({ file, stage }) => {
    const batch = await stage([
      await file([line(0, "10.1"), line(1), line(0, "10.2")].join("\n")),
      await file([line(0, "10.20"), line(1)].join("\n")),
    ]);
    assert.deepEqual([batch.rows, batch.accepted, batch.repeated], [5, 2, 2]);
    assert.deepEqual(batch.rejected.map(({ row }) => row), [1]);
  }));

Deno.test("staging counts candles that close after their slot, the last ms and the end are in it", () =>
  withLake(async ({ file, stage }) => {
    const closing = (n: number, afterMs: number) => `${line(n)},${minute(n) + afterMs}`;
    const rows = [closing(0, 59_999), closing(1, 60_000), closing(2, 60_001), line(3)];
    const head = "open_time,open,high,low,close,volume,close_time";
    assert.equal((await stage([await file([head, ...rows].join("\n"))])).overlong, 1);
  }));

Deno.test("staging tells candles of a larger interval by their open times where they have no others", () =>
  withLake(async ({ file, stage }) => {
    const coarser = async (places: readonly number[], more = "") => {
      const rows = places.map((n) => `${line(n)}${more}`);
      return (await stage([await file(rows.join("\n"))])).coarser;
    };
    const hours = Array.from({ length: 144 }, (_, n) => n * 60);
    assert.equal(await coarser(hours), "1h");
    assert.equal(await coarser(hours.toReversed()), "1h");
    assert.equal(await coarser(hours.filter((n) => n % 420 !== 0)), "1h", "with holes");
    assert.equal(await coarser(hours.map((n) => n * -24)), "1d");
    assert.equal(await coarser([...hours, 61]), undefined, "one minute more");
    assert.equal(await coarser([...hours, 90]), undefined, "a half hour");
    assert.equal(await coarser(hours.map((n) => n + 1)), undefined, "beside the grid");
    assert.equal(await coarser(hours.slice(0, 99)), undefined, "a few");
    assert.equal(await coarser(Array.from({ length: 30 }, (_, n) => n)), undefined, "minutes");
  }));

Deno.test("staging takes candles of a market in which little is traded for what they are", () =>
  withLake(async ({ file, stage }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(20_000), { minLength: 10, maxLength: 60 }),
        async (places) => {
          const rows = places.toSorted((a, b) => a - b).map((n) => line(n));
          assert.equal((await stage([await file(rows.join("\n"))])).coarser, undefined);
        },
      ),
      { numRuns: 10 },
    );
  }));

const NAMED: Record<string, readonly [lines: readonly string[], openTimes: readonly number[]]> = {
  "where the engine reads them": [[`${minute(3)},a,12,9,11,5`], [minute(3), minute(3) + 1]],
  "where it does not": [
    ["2024-05-01T01:02:00+01:00,a,12,9,11,5", `${minute(1)},a,12,9,11,5`],
    [minute(1), minute(2) + 1],
  ],
  "beside rows that name none": [["soon,1,1,1,1,1", `${minute(0)},a,1,1,1,1`, ",1,1,1,1,1"], [
    minute(0),
    minute(0) + 1,
  ]],
  "not where no row names one": [["soon,1,1,1,1,1", ",1,1,1,1,1"], [0, 0]],
};
for (const [name, [lines, openTimes]] of Object.entries(NAMED)) {
  Deno.test(`staging tells which open times refused rows name, ${name}`, () =>
    withLake(async ({ file, stage, path }) => {
      const batch = await stage([await file(lines.join("\n"))]);
      assert.equal(batch.rejectedTotal, lines.length);
      assert.deepEqual(await batch.writeRejected(path("parquet")), { openTimes });
    }));
}

Deno.test("staging shows the first 256 refused rows and writes all of them as Parquet", () =>
  withLake(async ({ file, stage, path, lake }) => {
    const lines = Array.from(
      { length: 5_000 },
      (_, n) => n % 2 === 0 ? line(n) : `${minute(n)},a,12,9,11,5`,
    );
    const batch = await stage([await file(lines.join("\n"))]);
    assert.equal(batch.rejectedTotal, 2_500);
    assert.deepEqual(batch.reasons, { bad_number: 2_500 });
    assert.equal(batch.rejected.length, 256);
    assert.equal(batch.rejected.at(-1)?.row, 512);
    const out = path("parquet");
    const named = [minute(1), minute(4_999) + 1];
    assert.deepEqual(await batch.writeRejected(out), { openTimes: named });
    const { parquetReadObjects, asyncBufferFromFile } = await import("hyparquet");
    const { compressors } = await import("hyparquet-compressors");
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out), compressors });
    assert.equal(rows.length, 2_500);
    assert.deepEqual(rows.at(-1), {
      row: 5_000n,
      reason: "bad_number",
      values: `${minute(4_999)},a,12,9,11,5,,,,,`,
    });
    await batch.drop();
    await lake.close();
  }));

Deno.test("staging says what decimals, periods and bounds a batch has", () =>
  withLake(async ({ file, stage }) => {
    const candles = [
      candle({ openTime: Date.UTC(2024, 3, 30, 23, 59), open: "9.125" }),
      candle({ openTime: minute(0), volume: "0.00000001", quoteVolume: "1.50" }),
      candle({ openTime: minute(1), takerBuyQuoteVolume: "3.123" }),
    ];
    const batch = await stage([await file(csvOf(candles))]);
    assert.deepEqual(batch.scale, { price: 3, volume: 8, quote: 3 });
    assert.deepEqual(batch.periods, [
      {
        period: "2024-04",
        rows: 1,
        firstOpenTime: Date.UTC(2024, 3, 30, 23, 59),
        lastOpenTime: Date.UTC(2024, 3, 30, 23, 59),
      },
      { period: "2024-05", rows: 2, firstOpenTime: minute(0), lastOpenTime: minute(1) },
    ]);
  }));

Deno.test("staging keeps decimals beyond 64 bits exactly", () =>
  withLake(async ({ file, stage }) => {
    const values = [
      "0.000000000000000001",
      "99999999999999999999.999999999999999999",
      "-0.5",
      "123456789012.123456789012",
    ];
    const candles = values.map((value, n) =>
      candle({
        openTime: minute(n),
        open: value,
        high: value,
        low: value,
        close: value,
        volume: value.replace("-", ""),
      })
    );
    const batch = await stage([await file(csvOf(candles))]);
    assert.deepEqual(await accepted(batch), candles);
    assert.deepEqual(batch.scale, { price: 18, volume: 18, quote: 0 });
  }));

Deno.test("staging is stopped by its signal, and the lake goes on", () =>
  withLake(async ({ file, stage, lake }) => {
    const lines = Array.from({ length: 200_000 }, (_, n) => line(n));
    const input = { files: [await file(lines.join("\n"))], interval: "1m", now: NOW } as const;
    const stop = new AbortController();
    const staging = assert.rejects(lake.stage(input, stop.signal), /enough/);
    // Calls arrive in their order: it has begun by now.
    await assert.rejects(lake.describe("nowhere.parquet"));
    stop.abort(new Error("enough"));
    await staging;
    assert.equal((await stage(input.files)).rows, 200_000);
    await assert.rejects(lake.stage(input, AbortSignal.abort(new Error("before"))), /before/);
  }));
