import assert from "node:assert/strict";
import fc from "fast-check";
import { type Candle, type Source, SOURCE_RANK } from "@/domain/klines/candle.ts";
import { compareCandles, type HeldCandle } from "@/domain/klines/compare.ts";
import { type Interval, intervalMs, slotEnd } from "@/domain/klines/interval.ts";
import { slotRanges } from "@/domain/klines/coverage.ts";
import type { HeldCandles } from "@/domain/ports/lake.ts";
import { anyCandles, candle, slotsOf } from "../../support/candles.ts";
import { csvOf, hotRowsOf, type LakeFixture, minute, NOW, withLake } from "./lake_fixture.ts";

const START = minute(0);
const PERIOD = "2024-05";
const source = fc.constantFrom<Source>("exchange", "import", "api");

/** A batch, and held candles that are often the same, often the same but for a detail. */
const sides = fc.tuple(
  anyCandles("1m", { start: START, slots: 12 }),
  anyCandles("1m", { start: START, slots: 12 }),
).chain(([batch, others]) =>
  fc.record({
    batch: fc.constant(batch.map(regular)),
    held: fc.tuple(
      ...[...batch, ...others].map((c) =>
        fc.record({
          source,
          keep: fc.boolean(),
          change: fc.constantFrom<Partial<Candle>>(
            {},
            {},
            { volume: "77" },
            { quoteVolume: null },
            { closeTime: null },
            { tradesCount: 3 },
          ),
        }).map(({ source, keep, change }) => ({ keep, held: { ...regular(c), ...change, source } }))
      ),
    ).map((all) => {
      const unique = new Map<number, HeldCandle>();
      for (const { keep, held } of all) if (keep) unique.set(held.openTime, held);
      return [...unique.values()].sort((a, b) => a.openTime - b.openTime);
    }),
  })
);

function regular(c: Candle): Candle {
  return { ...c, closeTime: c.closeTime === slotEnd("1m", c.openTime) - 1 ? null : c.closeTime };
}

/** A file with these candles and sources: one batch after the other, each over the one before. */
async function heldFile(fixture: LakeFixture, held: readonly HeldCandle[]): Promise<HeldCandles> {
  let file: string | undefined;
  for (const source of ["api", "import", "exchange"] as const) {
    const part = held.filter((c) => c.source === source);
    if (part.length === 0) continue;
    const staged = await fixture.stage([await fixture.file(csvOf(part))]);
    await staged.compare(PERIOD, { file }, { source, overwrite: true });
    file = fixture.path("parquet");
    await staged.writeMerged(PERIOD, staged.scale, file);
    await staged.drop();
  }
  return { file };
}

Deno.test("compare agrees with the domain's rule, whether a file or hot rows are held", () =>
  withLake(async (fixture) => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        source,
        fc.boolean(),
        fc.boolean(),
        async (given, source, overwrite, asFile) => {
          const { batch, held } = given;
          fc.pre(batch.length > 0);
          const staged = await fixture.stage([await fixture.file(csvOf(batch))]);
          const before = asFile ? await heldFile(fixture, held) : { hot: hotRowsOf(held) };
          const actual = await staged.compare(PERIOD, before, { source, overwrite });
          const expected = compareCandles(batch, held, { source, overwrite });
          assert.deepEqual(
            { ...actual, added: undefined },
            {
              ingested: expected.fresh.length,
              revised: expected.revised.length,
              unchanged: expected.unchanged,
              heldBetter: expected.heldBetter,
              added: undefined,
            },
          );
          const delta = [...expected.fresh, ...expected.revised].sort((a, b) =>
            a.openTime - b.openTime
          );
          assert.deepEqual(await staged.delta(PERIOD), delta);
          assert.deepEqual(actual.added, addedSlots(expected.fresh, held));
          await staged.drop();
        },
      ),
      { numRuns: 40 },
    );
  }));

function addedSlots(fresh: readonly Candle[], held: readonly Candle[]) {
  const known = new Set(slotsOf(slotRanges(held.map((c) => c.openTime), "1m"), "1m"));
  const slots = slotsOf(slotRanges(fresh.map((c) => c.openTime), "1m"), "1m");
  return slotRanges(slots.filter((slot) => !known.has(slot)), "1m");
}

Deno.test("a merged file holds the held candles, the new and the revised ones, each with its source", () =>
  withLake(async (fixture) => {
    await fc.assert(
      fc.asyncProperty(sides, source, fc.boolean(), async ({ batch, held }, source, overwrite) => {
        fc.pre(batch.length > 0);
        const staged = await fixture.stage([await fixture.file(csvOf(batch))]);
        const options = { source, overwrite };
        await staged.compare(PERIOD, await heldFile(fixture, held), options);
        const out = fixture.path("parquet");
        const facts = await staged.writeMerged(PERIOD, staged.scale, out);
        const { fresh, revised } = compareCandles(batch, held, options);
        const merged = new Map<number, HeldCandle>(held.map((c) => [c.openTime, c]));
        for (const c of [...fresh, ...revised]) merged.set(c.openTime, { ...c, source });
        const expected = [...merged.values()].sort((a, b) => a.openTime - b.openTime);
        assert.equal(facts.rows, expected.length);
        assert.deepEqual(facts.held, slotRanges(expected.map((c) => c.openTime), "1m"));
        const checked = await fixture.stage([await fixture.file(csvOf(expected))]);
        const unchanged = await checked.compare(PERIOD, { file: out }, {
          source: "api",
          overwrite: false,
        });
        assert.equal(unchanged.unchanged, expected.length);
        const { columns } = await firstColumns(fixture, out);
        assert.equal(columns.at(-1), `{${expected.map((c) => SOURCE_RANK[c.source]).join(",")}}`);
        assert.deepEqual(await fixture.lake.describe(out), facts);
        await staged.drop();
        await checked.drop();
      }),
      { numRuns: 15 },
    );
  }));

async function firstColumns({ lake }: LakeFixture, path: string) {
  for await (const { literals } of lake.columns(path, 1_000)) return { columns: literals };
  return { columns: [] };
}

Deno.test("compare of a period takes the place of the one before, for the write that follows", () =>
  withLake(async ({ stage, file, lake, path }) => {
    const candles = [0, 1, 2].map((n) => candle({ openTime: minute(n) }));
    const staged = await stage([await file(csvOf(candles))]);
    const options = { source: "import", overwrite: false } as const;
    await staged.compare(PERIOD, {}, options);
    assert.equal((await staged.writeDelta(PERIOD, path("parquet"))).rows, 3);
    const held = candles.slice(0, 2).map((c) => ({ ...c, source: "import" as const }));
    assert.equal((await staged.compare(PERIOD, { hot: hotRowsOf(held) }, options)).ingested, 1);
    const out = path("parquet");
    assert.equal((await staged.writeDelta(PERIOD, out)).rows, 1);
    assert.equal((await lake.describe(out)).firstOpenTime, minute(2));
  }));

Deno.test("compare keeps values exactly when hot rows need more decimals than the batch, and fewer", () =>
  withLake(async ({ stage, file }) => {
    const held = [{
      ...candle({ openTime: minute(0), volume: "0.000000000000000001" }),
      source: "api" as const,
    }];
    const options = { source: "exchange", overwrite: false } as const;
    for (
      const [volume, outcome] of [["0", "revised"], ["0.000000000000000001", "unchanged"]] as const
    ) {
      const staged = await stage([await file(csvOf([candle({ openTime: minute(0), volume })]))]);
      const comparison = await staged.compare(PERIOD, { hot: hotRowsOf(held) }, options);
      assert.equal(comparison[outcome], 1);
    }
  }));

Deno.test("two periods of a batch are compared at the same time", () =>
  withLake(async ({ stage, file }) => {
    const ms = intervalMs("1m");
    const candles = Array.from(
      { length: 3_000 },
      (_, n) => candle({ openTime: Date.UTC(2024, 3, 30) + n * ms }),
    );
    const staged = await stage([await file(csvOf(candles))]);
    const options = { source: "import", overwrite: false } as const;
    const results = await Promise.all(
      staged.periods.map(({ period }) => staged.compare(period, {}, options)),
    );
    assert.deepEqual(results.map(({ ingested }) => ingested), [1_440, 1_560]);
    assert.deepEqual(results.map(({ added }) => added), [
      [[Date.UTC(2024, 3, 30), minute(0)]],
      [[minute(0), minute(1_560)]],
    ]);
  }));

Deno.test("a dropped batch cannot be used, and dropping it twice does no harm", () =>
  withLake(async ({ stage, file }) => {
    const staged = await stage([await file(csvOf([candle({ openTime: minute(0) })]))]);
    await staged.drop();
    await staged.drop();
    await assert.rejects(
      staged.compare(PERIOD, {}, { source: "api", overwrite: false }),
      /dropped/,
    );
  }));

const INTERVALS: readonly (readonly [Interval, number, readonly string[]])[] = [
  ["1s", Date.UTC(2024, 3, 30, 23, 59, 59), ["2024-04-30", "2024-05-01"]],
  ["1h", Date.UTC(2022, 11, 31, 23), ["2022", "2023"]],
  ["1d", Date.UTC(2022, 11, 31), ["all"]],
  ["1w", Date.UTC(2022, 11, 26), ["all"]],
  ["1M", Date.UTC(2022, 11, 1), ["all"]],
];

for (const [interval, first, periods] of INTERVALS) {
  Deno.test(`a batch of ${interval} candles falls into its periods and holds the slots it covers`, () =>
    withLake(async ({ stage, file }) => {
      const second = slotEnd(interval, first);
      const candles = [first, second].map((openTime) => candle({ openTime }));
      const staged = await stage([await file(csvOf(candles))], interval);
      assert.ok(slotEnd(interval, second) < NOW);
      assert.deepEqual(staged.periods.map(({ period }) => period), periods);
      const added = [];
      for (const period of periods) {
        added.push(
          ...(await staged.compare(period, {}, { source: "api", overwrite: false })).added,
        );
      }
      const ranges = slotRanges([first, second], interval);
      assert.deepEqual(slotsOf(added, interval), slotsOf(ranges, interval));
    }));
}
