import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { type Candle, type Source, SOURCE_RANK } from "@/domain/klines/candle.ts";
import { compareCandles, type HeldCandle } from "@/domain/klines/compare.ts";
import { anyCandles, candle, utc } from "../../support/candles.ts";

const OPEN = utc("2024-05-01");
const FULL = candle({
  openTime: OPEN,
  quoteVolume: "55",
  tradesCount: 3,
  takerBuyVolume: "2",
  takerBuyQuoteVolume: "22",
});

type Outcome = "fresh" | "revised" | "unchanged" | "heldBetter";

function outcome(
  { batch, held, from = "import", by = "import", overwrite = false }: {
    batch: Candle;
    held: Candle;
    from?: Source;
    by?: Source;
    overwrite?: boolean;
  },
): Outcome {
  const options = { source: by, overwrite };
  const { fresh, revised, unchanged, heldBetter } = compareCandles(
    [batch],
    [{ ...held, source: from }],
    options,
  );
  equal(fresh.length + revised.length + unchanged + heldBetter, 1);
  deepEqual([...fresh, ...revised], fresh.length + revised.length === 1 ? [batch] : []);
  return fresh.length > 0
    ? "fresh"
    : revised.length > 0
    ? "revised"
    : unchanged > 0
    ? "unchanged"
    : "heldBetter";
}

const BARE = candle({ openTime: OPEN });
const SHORT = { ...BARE, closeTime: OPEN + 30_000 };

const CASES: readonly [string, Outcome, Parameters<typeof outcome>[0]][] = [
  ["a candle at another ms of the same slot", "fresh", {
    batch: candle({ openTime: OPEN + 799 }),
    held: BARE,
  }],
  ["an equal candle", "unchanged", { batch: FULL, held: FULL }],
  ["another volume", "revised", { batch: { ...FULL, volume: "6" }, held: FULL }],
  ["another trades count", "revised", { batch: { ...FULL, tradesCount: 4 }, held: FULL }],
  ["a bare candle against one with details", "unchanged", { batch: BARE, held: FULL }],
  ["a bare candle against one closed early", "unchanged", { batch: BARE, held: SHORT }],
  ["details against a bare candle", "revised", { batch: FULL, held: BARE }],
  ["details that say regular against one closed early", "revised", {
    batch: FULL,
    held: { ...FULL, closeTime: OPEN + 30_000 },
  }],
  ["an early close against a regular one", "revised", { batch: SHORT, held: BARE }],
  ["one detail less, the others equal", "unchanged", {
    batch: { ...FULL, tradesCount: null },
    held: FULL,
  }],
  ["a difference from a worse source", "heldBetter", {
    batch: { ...FULL, close: "10" },
    held: FULL,
    from: "exchange",
  }],
  ["a difference from a worse source that may overwrite", "revised", {
    batch: { ...FULL, close: "10" },
    held: FULL,
    from: "exchange",
    overwrite: true,
  }],
  ["a difference from a better source", "revised", {
    batch: { ...FULL, close: "10" },
    held: FULL,
    from: "api",
    by: "exchange",
  }],
  ["an equal candle from a worse source", "unchanged", {
    batch: FULL,
    held: FULL,
    from: "exchange",
    by: "api",
  }],
];

for (const [name, expected, given] of CASES) {
  Deno.test(`compareCandles() counts ${name} as ${expected}`, () =>
    equal(outcome(given), expected));
}

const anySource = fc.constantFrom<Source>("api", "import", "exchange");
const anyHeld = fc.tuple(anyCandles("1m", { start: OPEN, slots: 8 }), fc.array(anySource))
  .map(([candles, sources]) =>
    candles.map((c, i): HeldCandle => ({ ...c, source: sources[i] ?? "exchange" }))
  );
/** A batch that shares some candles with what is held, some of them changed. */
const anyMeeting = anyHeld.chain((held) =>
  fc.record({
    held: fc.constant(held),
    batch: fc.tuple(
      fc.subarray(held),
      anyCandles("1m", { start: OPEN, slots: 8 }),
      fc.constantFrom<Partial<Candle>>({}, { volume: "7" }, { quoteVolume: null }),
    ).map(([shared, own, change]) => {
      const known = shared.map(({ source: _source, ...c }): Candle => ({ ...c, ...change }));
      return [...new Map([...own, ...known].map((c) => [c.openTime, c])).values()];
    }),
    source: anySource,
    overwrite: fc.boolean(),
  })
);

/** What is held once the comparison has been acted on. */
function applied(
  held: readonly HeldCandle[],
  changed: readonly Candle[],
  source: Source,
): HeldCandle[] {
  const now = new Map(held.map((c) => [c.openTime, c]));
  for (const c of changed) now.set(c.openTime, { ...c, source });
  return [...now.values()];
}

Deno.test("compareCandles() puts each row of the batch into exactly one count", () => {
  fc.assert(fc.property(anyMeeting, ({ batch, held, source, overwrite }) => {
    const { fresh, revised, unchanged, heldBetter } = compareCandles(batch, held, {
      source,
      overwrite,
    });
    equal(fresh.length + revised.length + unchanged + heldBetter, batch.length);
    const heldAt = new Map(held.map((c) => [c.openTime, c]));
    deepEqual(fresh, batch.filter(({ openTime }) => !heldAt.has(openTime)));
    for (const { openTime } of revised) {
      const before = heldAt.get(openTime);
      const rank = before === undefined ? NaN : SOURCE_RANK[before.source];
      equal(overwrite || rank <= SOURCE_RANK[source], true);
    }
    if (overwrite || source === "exchange") equal(heldBetter, 0);
  }));
});

Deno.test("compareCandles() finds nothing new in a batch that has just been taken", () => {
  fc.assert(fc.property(anyMeeting, ({ batch, held, source, overwrite }) => {
    const options = { source, overwrite };
    const first = compareCandles(batch, held, options);
    const now = applied(held, [...first.fresh, ...first.revised], source);
    deepEqual(compareCandles(batch, now, options), {
      fresh: [],
      revised: [],
      unchanged: batch.length - first.heldBetter,
      heldBetter: first.heldBetter,
    });
  }));
});
