import assert from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { Refusal } from "@/domain/decider.ts";
import { candle } from "../../support/candles.ts";
import { accepted, minute, withLake } from "./lake_fixture.ts";

async function writeParquet(select: string, path: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`copy (${select}) to '${path.replaceAll("'", "''")}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
}

const EXPECTED = [candle({ openTime: minute(0) })];

const DIALECTS: Record<string, string> = {
  "pandas (timestamps and doubles)":
    `select timestamp '2024-05-01 00:00:00' as "date", 10.0::double as
    open, 12.0::double as high, 9::double as low, 11::double as close, 5::double as volume`,
  "timestamps with a zone, in ns, and floats": `select timestamptz '2024-05-01 08:00:00+08' as
    "timestamp", 10::float as open, 12::float as high, 9::float as low, 11::float as close, 5 as volume`,
  "dates, integers and decimals": `select date '2024-05-01' as "date", 10::decimal(38, 4) as open,
    12::smallint as high, 9::hugeint as low, 11::decimal(4, 1) as close, 5::ubigint as volume`,
  "texts and names that are SQL": `select ${minute(0)}::varchar as "Open time", '10.00' as "open",
    '12' as high, '9' as low, '11' as close, '5' as volume, 1 as "x"") from y; drop table z; --"`,
};

for (const [dialect, select] of Object.entries(DIALECTS)) {
  Deno.test(`staging reads Parquet with ${dialect}`, () =>
    withLake(async ({ stage, path }) => {
      const file = path("parquet");
      await writeParquet(select, file);
      const batch = await stage([{ path: file, format: "parquet", gzip: false }]);
      assert.deepEqual(batch.rejected, []);
      assert.deepEqual(await accepted(batch), EXPECTED);
    }));
}

Deno.test("staging takes a double for what it prints, and refuses its nan", () =>
  withLake(async ({ stage, path }) => {
    const file = path("parquet");
    await writeParquet(
      `select ${
        minute(0)
      } + n * 60000 as time, 10 as open, 12 as high, 9 as low, 11 as close, v as volume
       from (values (0, 0.1::double), (1, 1e-7), (2, 'nan'::double), (3, 1e15)) t(n, v)`,
      file,
    );
    const batch = await stage([{ path: file, format: "parquet", gzip: false }]);
    assert.deepEqual(batch.rejected.map(({ row, reason }) => [row, reason]), [[3, "bad_number"]]);
    const volumes = (await accepted(batch)).map(({ volume }) => volume);
    assert.deepEqual(volumes, ["0.1", "0.0000001", "1000000000000000"]);
  }));

Deno.test("staging refuses Parquet without the columns it needs", () =>
  withLake(async ({ stage, path }) => {
    const file = path("parquet");
    await writeParquet(`select 1 as open_time, 2 as price`, file);
    await assert.rejects(
      stage([{ path: file, format: "parquet", gzip: false }]),
      (error: unknown) =>
        error instanceof Refusal && /open, high, low, close, volume/.test(error.message),
    );
  }));
