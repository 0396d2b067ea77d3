import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { Candle } from "@/domain/klines/candle.ts";
import { canonicalDecimal, decimalScale } from "@/domain/klines/decimal.ts";
import type { GatherPart, Scale } from "@/domain/ports/lake.ts";
import { candle } from "@/tests/support/candles.ts";
import { csvOf, hotRowsOf, type LakeFixture, minute, withLake } from "./lake_fixture.ts";

const NONE: Scale = { price: 0, volume: 0, quote: 0 };

type Step =
  | { readonly kind: "file" | "rows"; readonly candles: readonly Candle[] }
  | { readonly kind: "removal"; readonly from: number; readonly to: number };

const amount = fc.tuple(fc.integer({ min: 1, max: 10 ** 9 }), fc.nat(9))
  .map(([mantissa, scale]) => canonicalDecimal(`${mantissa}e-${scale}`) ?? "1");

const candleAt = (n: number) =>
  fc.record({ price: amount, volume: amount, quoteVolume: fc.option(amount) }).map(
    ({ price, ...rest }) =>
      candle({ openTime: minute(n), open: price, high: price, low: price, close: price, ...rest }),
  );

const batch = fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 8 })
  .chain((slots) => fc.tuple(...slots.toSorted((a, b) => a - b).map(candleAt)));

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("file", "rows"), candles: batch }),
  fc.tuple(fc.nat(20), fc.nat(6)).map(([from, more]) => ({
    ...{ kind: "removal" as const, from: minute(from), to: minute(from + more) },
  })),
);

/** What stays, by a map from open times. */
function expected(steps: readonly Step[]): Candle[] {
  const held = new Map<number, Candle>();
  for (const step of steps) {
    if (step.kind === "removal") {
      for (const at of held.keys()) if (at >= step.from && at < step.to) held.delete(at);
    } else for (const one of step.candles) held.set(one.openTime, one);
  }
  return [...held.values()].sort((a, b) => a.openTime - b.openTime);
}

async function fileOf(
  { stage, file, path }: LakeFixture,
  candles: readonly Candle[],
): Promise<string> {
  const staged = await stage([await file(csvOf(candles))]);
  const out = path("parquet");
  for (const { period } of staged.periods) {
    await staged.compare(period, {}, { source: "exchange", overwrite: false });
    await staged.writeDelta(period, out);
  }
  await staged.drop();
  return out;
}

async function partOf(fixture: LakeFixture, step: Step): Promise<GatherPart> {
  switch (step.kind) {
    case "file":
      return { kind: "file", path: await fileOf(fixture, step.candles) };
    case "rows": {
      const rows = step.candles.map((one) => ({ ...one, source: "exchange" as const }));
      return { kind: "rows", rows: hotRowsOf(rows) };
    }
    case "removal":
      return { kind: "removal", range: [step.from, step.to] };
  }
}

function scaleNeeded(candles: readonly Candle[]): Scale {
  const most = (values: readonly (string | null)[]) =>
    Math.max(0, ...values.map((value) => decimalScale(value ?? "0")));
  return {
    price: most(candles.map(({ open }) => open)),
    volume: most(candles.map(({ volume }) => volume)),
    quote: most(candles.map(({ quoteVolume }) => quoteVolume)),
  };
}

Deno.test("gather: of files, rows and removals the last word stays, exact at the least scale", () =>
  withLake(async (fixture) => {
    const { lake, path } = fixture;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const parts: GatherPart[] = [];
        for (const one of steps) parts.push(await partOf(fixture, one));
        const oracle = expected(steps);
        const gathered = await lake.gather({ parts, interval: "1m", scale: NONE });
        equal(gathered.rows, oracle.length);
        if (oracle.length > 0) {
          deepEqual(gathered.scale, scaleNeeded(oracle));
          const [ours, theirs] = [path("parquet"), await fileOf(fixture, oracle)];
          const facts = await gathered.write(gathered.scale, ours);
          deepEqual(await lake.describe(ours), facts);
          const { checksum, rows, firstOpenTime, lastOpenTime, held } = await lake.describe(theirs);
          deepEqual(facts, {
            ...{ checksum, rows, firstOpenTime, lastOpenTime, held },
            scale: gathered.scale,
          });
        }
        await gathered.drop();
      }),
      { numRuns: 15 },
    );
  }));

Deno.test("gather: a scale that is wide enough is kept, numbers of any size stay exact", () =>
  withLake(async ({ lake, path }) => {
    const huge = "12345678901234567890.123456789012345678";
    const candles = [candle({ openTime: minute(0), volume: huge, quoteVolume: "0.5" })];
    const rows = hotRowsOf(candles.map((one) => ({ ...one, source: "api" as const })));
    const scale = { price: 3, volume: 2, quote: 1 };
    const gathered = await lake.gather({
      parts: [{ kind: "rows", rows }],
      ...{ interval: "1m", scale },
    });
    deepEqual(gathered.scale, { price: 3, volume: 18, quote: 1 });
    const out = path("parquet");
    await gathered.write(gathered.scale, out);
    const { bytes } = await lake.read({
      ...{ files: [out], stored: "1m", interval: "1m", from: 0, to: Infinity, limit: 9 },
      ...{ order: "asc", keep: "oldest", fill: "none", partial: true, completeTo: Infinity },
      ...{ format: "arrays", numbers: "string" },
    });
    equal(JSON.parse(new TextDecoder().decode(bytes))[0][5], huge);
    await gathered.drop();
    await rejects(gathered.write(scale, out), /it was dropped/);
  }));

Deno.test("gather: a file that is none is refused and leaves nothing behind", () =>
  withLake(async ({ lake, path }) => {
    const broken = path("parquet");
    await Deno.writeTextFile(broken, "not parquet at all");
    const parts = [{ kind: "file", path: broken }] as const;
    await rejects(lake.gather({ parts, interval: "1m", scale: NONE }), { name: "AdapterError" });
    const empty = await lake.gather({ parts: [], interval: "1m", scale: NONE });
    equal(empty.rows, 0);
    await rejects(empty.write(NONE, path("parquet")), /there is none/);
  }));
