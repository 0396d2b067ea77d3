import assert from "node:assert/strict";
import { parquetMetadataAsync } from "hyparquet";
import { parquetJoiner } from "@/adapters/lake/join_parquet.ts";
import { candle } from "../../support/candles.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import type { LakeQuery } from "@/domain/ports/lake.ts";
import { csvOf, type LakeFixture, minute, withLake } from "./lake_fixture.ts";

/** A page as an export gets it: candles through a period file and out again as Parquet. */
async function pageOf(
  { lake, stage, file, path }: LakeFixture,
  candles: readonly Candle[],
): Promise<string> {
  const batch = await stage([await file(csvOf(candles))]);
  const [period] = batch.periods;
  const held = path("parquet");
  await batch.compare(period?.period ?? "", {}, { source: "import", overwrite: false });
  await batch.writeMerged(period?.period ?? "", batch.scale, held);
  await batch.drop();
  const page = await lake.read({ ...QUERY, files: [held], format: "parquet" });
  const to = path("parquet");
  await Deno.writeFile(to, page.bytes);
  return to;
}

const QUERY: Omit<LakeQuery, "files" | "format"> = {
  stored: "1m",
  interval: "1m",
  from: 0,
  to: Number.MAX_SAFE_INTEGER,
  limit: 1_000_000,
  order: "asc",
  keep: "oldest",
  fill: "none",
  partial: false,
  numbers: "string",
  completeTo: Number.MAX_SAFE_INTEGER,
};

Deno.test("joined pages hold every row in order and every digit, also of different scales", () =>
  withLake(async (fixture) => {
    const { path, stage, directory } = fixture;
    const first = Array.from({ length: 700 }, (_, n) => candle({ openTime: minute(n) }));
    const second = Array.from({ length: 300 }, (_, n) =>
      candle({
        openTime: minute(700 + n),
        high: "4000.151",
        volume: "0.00000001",
        quoteVolume: n % 2 === 0 ? null : "12345678901234567.5",
      }));
    const parts = [await pageOf(fixture, first), await pageOf(fixture, second)];
    const target = path("parquet");
    await parquetJoiner({ tempDir: `${directory}/temp` })(parts, target);

    const bytes = await Deno.readFile(target);
    assert.equal(Number((await parquetMetadataAsync(bytes.buffer)).num_rows), 1_000);
    const batch = await stage([{ path: target, format: "parquet", gzip: false }]);
    assert.deepEqual([batch.accepted, batch.rejectedTotal], [1_000, 0]);
    const [period] = batch.periods;
    await batch.compare(period?.period ?? "", {}, { source: "import", overwrite: false });
    assert.deepEqual(await batch.delta(period?.period ?? ""), [...first, ...second]);
    await batch.drop();
  }));

Deno.test("a join that fails leaves no engine and no temporary files behind", () =>
  withLake(async ({ path, directory }) => {
    const join = parquetJoiner({ tempDir: `${directory}/own` });
    await assert.rejects(join([path("parquet")], path("parquet")));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${directory}/own`)), []);
  }));
