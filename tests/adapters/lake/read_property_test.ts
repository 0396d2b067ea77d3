import assert from "node:assert/strict";
import fc from "fast-check";
import type { Candle } from "@/domain/klines/candle.ts";
import { divides, dividesAt, type Interval, slotAt, slotIndex } from "@/domain/klines/interval.ts";
import type { LakeQuery } from "@/domain/ports/lake.ts";
import { anyCandles } from "../../support/candles.ts";
import { assertReads } from "./expected_reads.ts";
import { csvOf, hotRowsOf, type LakeFixture, withLake } from "./lake_fixture.ts";

/** Stored and asked intervals, with the end of a period in the middle of the candles. */
const INTERVALS: readonly (readonly [stored: Interval, asked: Interval, boundary: number])[] = [
  ["1m", "1m", Date.UTC(2024, 4, 1)],
  ["1m", "3m", Date.UTC(2024, 4, 1)],
  ["1m", "5m", Date.UTC(2024, 4, 1)],
  ["1s", "1m", Date.UTC(2024, 4, 1)],
  ["1h", "4h", Date.UTC(2024, 0, 1)],
  ["1h", "1d", Date.UTC(2024, 0, 1)],
  ["1h", "1w", Date.UTC(2024, 0, 1)],
  ["1h", "1M", Date.UTC(2024, 0, 1)],
  ["1d", "1w", Date.UTC(2024, 0, 1)],
  ["1d", "3d", Date.UTC(2024, 0, 1)],
  ["1d", "1M", Date.UTC(2024, 0, 1)],
  ["1M", "1M", Date.UTC(2023, 0, 1)],
];

const SLOTS = 24;
/** An hour: where the stored candles are no larger, other bars come of it. */
const OFFSET_MS = 3_600_000;

const reads = fc.constantFrom(...INTERVALS).chain(([stored, interval, boundary]) => {
  const first = slotIndex(stored, boundary) - SLOTS / 2;
  const bound = fc.integer({ min: -2, max: SLOTS + 2 }).map((n) => slotAt(stored, first + n));
  return fc.record({
    candles: anyCandles(stored, { start: slotAt(stored, first), slots: SLOTS }),
    hotFrom: fc.constantFrom(-Infinity, boundary, Infinity),
    query: fc.record({
      stored: fc.constant(stored),
      interval: fc.constant(interval),
      offsetMs: dividesAt(stored, interval, OFFSET_MS)
        ? fc.constantFrom(undefined, OFFSET_MS, -OFFSET_MS)
        : fc.constant(undefined),
      from: fc.oneof(bound, fc.constant(0)),
      to: fc.oneof(bound, fc.constant(Number.MAX_SAFE_INTEGER)),
      // Few rows are made text by us, many by the engine.
      limit: fc.oneof(fc.integer({ min: 1, max: SLOTS + 2 }), fc.constant(2_500)),
      order: fc.constantFrom<"asc" | "desc">("asc", "desc"),
      keep: fc.constantFrom<"oldest" | "latest">("oldest", "latest"),
      fill: fc.constantFrom<"none" | "previous">("none", "previous"),
      partial: fc.boolean(),
      completeTo: bound,
      numbers: fc.constantFrom<"number" | "string">("number", "string"),
      format: fc.constantFrom<"arrays" | "objects" | "csv">("arrays", "objects", "csv"),
    }),
  });
});

async function storedCandles(
  { stage, file, path }: LakeFixture,
  candles: readonly Candle[],
  { stored, hotFrom }: { stored: Interval; hotFrom: number },
): Promise<Pick<LakeQuery, "files" | "hot">> {
  const cold = candles.filter((c) => c.openTime < hotFrom);
  const hot = candles.filter((c) => c.openTime >= hotFrom)
    .map((c) => ({ ...c, source: "exchange" as const }));
  const files: string[] = [];
  // A batch for each period, so that their files differ in scale.
  for (const part of Map.groupBy(cold, (c) => c.openTime < BOUNDARY.get(stored)).values()) {
    const batch = await stage([await file(csvOf(part))], stored);
    for (const { period } of batch.periods) {
      await batch.compare(period, {}, { source: "api", overwrite: false });
      files.push(path("parquet"));
      await batch.writeMerged(period, batch.scale, files.at(-1) ?? "");
    }
    await batch.drop();
  }
  return { files, hot: hot.length === 0 ? undefined : hotRowsOf(hot) };
}

const BOUNDARY = {
  get: (stored: Interval) => INTERVALS.find(([interval]) => interval === stored)?.[2] ?? 0,
};

Deno.test("reads agree with the domain's aggregation and filling, in every format, order and limit", () =>
  withLake(async (fixture) => {
    await fc.assert(
      fc.asyncProperty(reads, async ({ candles, hotFrom, query }) => {
        assert.ok(divides(query.stored, query.interval));
        // Holes are filled in UTC alone.
        fc.pre(query.offsetMs === undefined || query.fill === "none");
        const { stored } = query;
        const files = await storedCandles(fixture, candles, { stored, hotFrom });
        const first = await fixture.lake.read({ ...query, ...files });
        // Files that are read again are remembered.
        const result = await fixture.lake.read({ ...query, ...files });
        assert.deepEqual(first, result);
        assertReads(result, candles, query);
      }),
      { numRuns: 75 },
    );
  }));
