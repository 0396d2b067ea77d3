import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { DecodedFiles } from "@/adapters/lake/decoded_files.ts";
import { openEngine, type Session } from "@/adapters/lake/engine.ts";
import { FileHeaders } from "@/adapters/lake/file_headers.ts";
import { writeFile } from "@/adapters/lake/period_file.ts";
import { readCandles } from "@/adapters/lake/read.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";
import { DAY_MS, type Interval, slotStart } from "@/domain/klines/interval.ts";
import type { LakeQuery } from "@/domain/ports/lake.ts";
import { utc } from "../../support/candles.ts";
import { assertReads } from "./expected_reads.ts";
import { csvOf, hotRowsOf, type LakeFixture, withLake } from "./lake_fixture.ts";

const HOUR_MS = 3_600_000;
/** Around the end of a month, of a week and of a day. */
const BORDER = utc("2024-04-01");
const FIRST = BORDER - 3 * HOUR_MS;
const MINUTES = 6 * 60;

interface Market {
  readonly seed: number;
  /** Of a hundred slots, those without a candle. */
  readonly holes: number;
  readonly quiet: number;
  readonly detail: "none" | "some" | "large";
}

/** Minutes as a market makes them: with holes, without volume, off the grid, in any number of decimals. */
function candlesOf({ seed, holes, quiet, detail }: Market): Candle[] {
  let state = seed >>> 0;
  const below = (end: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * end);
  };
  const decimal = (mantissa: number, scale: number) => canonicalDecimal(`${mantissa}e-${scale}`);
  const candles: Candle[] = [];
  for (let n = 0; n < MINUTES; n++) {
    if (below(100) < holes) continue;
    const scale = n < MINUTES / 3 ? 1 : below(4);
    const prices = [0, 0, 0, 0].map(() => 1_000 + below(500)).toSorted((a, b) => a - b);
    const [low = "0", open = "0", close = "0", high = "0"] = prices
      .map((price) => decimal(price, scale) ?? "0");
    const [first, last] = below(2) === 0 ? [open, close] : [close, open];
    const value = () => {
      if (detail === "none" || detail === "some" && below(60) === 0) return null;
      return decimal(detail === "large" ? 9e14 + below(1e6) : below(1e6), 8) ?? null;
    };
    candles.push({
      openTime: FIRST + n * 60_000 + (below(30) === 0 ? 799 : 0),
      ...{ open: first, high, low, close: last, closeTime: null },
      volume: below(100) < quiet ? "0" : decimal(1 + below(9_000), 3) ?? "0",
      ...{ quoteVolume: value(), takerBuyVolume: value(), takerBuyQuoteVolume: value() },
      tradesCount: detail === "none" || below(90) === 0 ? null : below(50),
    });
  }
  return candles;
}

const market = fc.record<Market>({
  seed: fc.integer(),
  holes: fc.constantFrom(0, 0, 20, 50),
  quiet: fc.constantFrom(0, 10, 97),
  detail: fc.constantFrom("none", "some", "large"),
});

/** A slot's border, seldom one inside an hour. */
const time = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1, max: 7 }).map((n) => FIRST + n * HOUR_MS) },
  { weight: 1, arbitrary: fc.nat(MINUTES).map((n) => FIRST + n * 60_000) },
);

const query = fc.record({
  interval: fc.constantFrom<Interval>("1h", "1h", "2h", "4h", "1d", "1w", "1M", "30m"),
  stored: fc.constant<Interval>("1m"),
  offsetMs: fc.constantFrom(undefined, undefined, HOUR_MS, -5 * HOUR_MS, HOUR_MS / 2),
  from: fc.oneof(fc.constant(0), time),
  to: fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), time),
  limit: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(1_000)),
  order: fc.constantFrom<"asc" | "desc">("asc", "desc"),
  keep: fc.constantFrom<"oldest" | "latest">("oldest", "latest"),
  fill: fc.constant<"none">("none"),
  partial: fc.boolean(),
  completeTo: fc.oneof(time, fc.constant(FIRST + 40 * DAY_MS)),
  numbers: fc.constantFrom<"number" | "string">("number", "string"),
  format: fc.constantFrom<"arrays" | "objects" | "csv">("arrays", "objects", "csv"),
});

/** How the candles from a minute on are kept; what none is said of lies in one period file. */
const keeping = fc.uniqueArray(
  fc.record({
    minute: fc.integer({ min: 1, max: MINUTES - 1 }),
    as: fc.constantFrom<"file" | "old file">("file", "file", "old file"),
  }),
  { maxLength: 2, selector: ({ minute }) => minute },
).map((parts) => parts.toSorted((a, b) => a.minute - b.minute));

/** Period files with bars, one of before there were any, and rows. */
async function kept(
  { stage, file, path }: LakeFixture,
  parts: readonly {
    readonly candles: readonly Candle[];
    readonly as: "file" | "old file" | "hot";
  }[],
): Promise<Pick<LakeQuery, "files" | "hot">> {
  const files: string[] = [];
  let hot: string | undefined;
  for (const { candles, as } of parts) {
    if (candles.length === 0) continue;
    if (as === "hot") hot = hotRowsOf(candles.map((one) => ({ ...one, source: "api" })));
    if (as === "hot") continue;
    const batch = await stage([await file(csvOf(candles))]);
    for (const { period } of batch.periods) {
      await batch.compare(period, {}, { source: "api", overwrite: false });
      const out = path("parquet");
      files.push(out);
      await batch.writeMerged(period, batch.scale, out);
      if (as === "old file") await hideBars(out);
    }
    await batch.drop();
  }
  return { files, hot };
}

/** Gives the key of the bars a name that nobody knows, where the file has any. */
async function hideBars(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("bars\x18");
  if (at === -1) return;
  bytes.set(new TextEncoder().encode("sars"), at);
  await Deno.writeFile(path, bytes);
}

Deno.test("larger bars out of those in the files are what the domain makes of the candles, beside rows and older files", () =>
  withLake(async (fixture) => {
    await fc.assert(
      fc.asyncProperty(
        ...[
          market,
          keeping,
          fc.option(fc.nat(MINUTES)),
          fc.array(query, { minLength: 8, maxLength: 8 }),
        ],
        async (market, parts, hotFrom, queries) => {
          const candles = candlesOf(market);
          const cuts = [{ minute: -1, as: "file" as const }, ...parts];
          const hotTime = hotFrom === null ? Infinity : FIRST + hotFrom * 60_000;
          const cold = candles.filter((one) => one.openTime < hotTime);
          const held = await kept(fixture, [
            ...cuts.map(({ minute, as }, at) => ({
              as,
              candles: cold.filter(({ openTime }) =>
                openTime >= FIRST + minute * 60_000 &&
                openTime < FIRST + (cuts[at + 1]?.minute ?? Infinity) * 60_000
              ),
            })),
            { as: "hot", candles: candles.filter((one) => one.openTime >= hotTime) },
          ]);
          for (const query of queries) {
            assertReads(await fixture.lake.read({ ...query, ...held }), candles, query);
          }
        },
      ),
      { numRuns: 12 },
    );
  }));

const HOURS: Omit<LakeQuery, "files"> = {
  ...{ stored: "1m", interval: "1h", from: 0, to: BORDER + DAY_MS, limit: 10, order: "asc" },
  ...{ keep: "oldest", fill: "none", partial: true, completeTo: 0 },
  ...{ format: "arrays", numbers: "string" },
};

Deno.test("larger bars are whole where rows lie before the files, and where the first candle opens late", () =>
  withLake(async (fixture) => {
    const candles = candlesOf({ seed: 3, holes: 0, quiet: 10, detail: "none" });
    const late = candles.filter(({ openTime }) => openTime >= FIRST + HOUR_MS / 2);
    const early = candles.filter((one) => !late.includes(one));
    const cold = await kept(fixture, [{ candles: late, as: "file" }]);
    const before = { ...HOURS, from: FIRST + HOUR_MS / 4 };
    assertReads(await fixture.lake.read({ ...before, ...cold }), late, before);
    const { hot } = await kept(fixture, [{ candles: early, as: "hot" }]);
    assertReads(await fixture.lake.read({ ...HOURS, ...cold, hot }), candles, HOURS);
  }));

Deno.test("bars of a file follow it when candles are merged into it, removed from it, or get more decimals", () =>
  withLake(async (fixture) => {
    const { lake, stage, file, path } = fixture;
    const candles = candlesOf({ seed: 7, holes: 0, quiet: 10, detail: "some" })
      .filter(({ openTime }) => openTime >= BORDER);
    const late = candles.filter((_, n) => n % 50 === 3);
    const early = candles.filter((one) => !late.includes(one));
    const { files: [first = ""] } = await kept(fixture, [{ candles: early, as: "file" }]);
    const [merged, wider, without] = [path("parquet"), path("parquet"), path("parquet")];
    const batch = await stage([await file(csvOf(late))]);
    await batch.compare("2024-04", { file: first }, { source: "api", overwrite: false });
    await batch.writeMerged("2024-04", batch.scale, merged);
    await batch.drop();
    await lake.rescale(merged, { price: 6, volume: 10, quote: 12 }, wider);
    const gone = [BORDER + HOUR_MS / 2, BORDER + HOUR_MS] as const;
    await lake.without(wider, [...gone], without);
    for (
      const [path, expected] of [
        [first, early],
        [merged, candles],
        [wider, candles],
        [without, candles.filter(({ openTime: at }) => at < gone[0] || at >= gone[1])],
      ] as const
    ) assertReads(await lake.read({ ...HOURS, files: [path] }), expected, HOURS);
  }));

Deno.test("candles whose sums are beyond the engine's numbers are kept, without larger bars", () =>
  withLake(async (fixture) => {
    const huge = { volume: "90000000000000000000.000000000000000001" };
    const candles = candlesOf({ seed: 5, holes: 0, quiet: 0, detail: "none" })
      .filter(({ openTime }) => openTime >= BORDER)
      .map((candle, n) => n < 3 ? { ...candle, ...huge } : candle);
    const { files } = await kept(fixture, [{ candles, as: "file" }]);
    const minutes: Omit<LakeQuery, "files"> = { ...HOURS, interval: "1m" };
    assertReads(await fixture.lake.read({ ...minutes, files }), candles, minutes);
    const later: Omit<LakeQuery, "files"> = { ...HOURS, from: BORDER + HOUR_MS };
    assertReads(await fixture.lake.read({ ...later, files }), candles, later);
  }));

Deno.test("a month as hours and days asks the engine for nothing once its file is known, unless its bars cannot be read", async () => {
  const folder = await Deno.makeTempDir();
  const engine = await openEngine({
    ...{ tempDir: folder, allowedDirectories: [], memoryLimit: "256MB", threads: 1 },
  });
  try {
    await engine.use("work", new AbortController().signal, async (session) => {
      const path = `${folder}/month.parquet`;
      await writeMonth(session, path);
      const headers = new FileHeaders();
      equal((await headers.of(session, path)).bars, "1h");
      const { key_value_metadata: told } = parquetMetadata((await Deno.readFile(path)).buffer);
      ok(told?.some(({ key, value }) => key === "bars" && value === "1h"));
      let asked = 0;
      const counting = {
        ...session,
        raw: (sql: string) => (asked++, session.raw(sql)),
        rows: (sql: string) => (asked++, session.rows(sql)),
      };
      const read = async (interval: Interval) => {
        const { rows, bytes } = await readCandles(
          { engine, headers, session: counting, decoded: new DecodedFiles() },
          { ...HOURS, files: [path], to: BORDER + 40 * DAY_MS, limit: 1_000, interval },
        );
        return { rows, asked, text: new TextDecoder().decode(bytes) };
      };
      const hours = await read("1h");
      deepEqual([hours.rows, hours.asked], [720, 0]);
      const { text: _text, ...days } = await read("1d");
      deepEqual(days, { rows: 30, asked: 0 });
      equal((await read("30m")).asked, 1);
      await spoilBars(path);
      const spoilt = await read("1h");
      equal(spoilt.text, hours.text);
      ok(spoilt.asked > 1);
    });
  } finally {
    await engine.close();
    await Deno.remove(folder, { recursive: true });
  }
});

/** Makes their text what no bars are. */
async function spoilBars(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const at = new TextDecoder("latin1").decode(bytes).indexOf("bars_v1\x18");
  bytes.fill("?".charCodeAt(0), at + 100, at + 110);
  await Deno.writeFile(path, bytes);
}

async function writeMonth(session: Session, outPath: string): Promise<void> {
  const first = slotStart("1M", BORDER);
  const sql = `select ${first} + n * 60000 as open_time, 10.25 as open, 11 as high, 9.5 as low,
    10 as close, n as volume, null::bigint as close_time, null as quote_volume,
    null::bigint as trades_count, null as taker_buy_volume, null as taker_buy_quote_volume,
    3 as "source" from range(43200) r(n)`;
  const scale = { price: 2, volume: 1, quote: 0 };
  await writeFile(session, { sql, interval: "1m" }, { scale, outPath });
}
