import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { Interval } from "@/domain/klines/interval.ts";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";
import { narrowPlan, planRead } from "@/projections/kline_plan.ts";
import { candle } from "../support/candles.ts";
import { databases } from "../support/database.ts";
import { openHouse } from "../support/house.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const QUERY: KlineQuery = {
  ...{ seriesId: "binance.BTC-USDT.1m", stored: "1m", interval: "1h" },
  ...{ start: undefined, end: undefined, limit: 3, order: "asc", fill: "none" },
  ...{ partial: false, format: "arrays", numbers: "string" },
};

Deno.test("narrowPlan() takes a few bars of a period, from the end that is kept", () => {
  const from = Date.UTC(2024, 0, 1);
  const period = {
    period: "2024-01",
    candles: 44_640,
    firstOpenTime: from,
    fileSha256: null,
    position: 1,
  };
  const held = [{ ...period, lastOpenTime: from + 31 * DAY - MINUTE }];
  for (const [start, first, last] of [[undefined, 738, 744], [from - DAY, 0, 6]] as const) {
    const query = { ...QUERY, start };
    const part = narrowPlan(planRead(query, held), query, 6);
    const hours = [Math.max(part.from, from), part.to].map((at) => (at - from) / 3_600_000);
    deepEqual(hours, [first, last]);
    const whole = planRead(query, held);
    deepEqual(narrowPlan(whole, query, 10_000), whole);
  }
});

/** Minutes with holes of all lengths and stretches in which nothing was traded. */
function sparse(from: number): ReturnType<typeof candle>[] {
  const minutes: ReturnType<typeof candle>[] = [];
  let step = 1;
  for (let at = 0; at < 4 * 1_440; at += step) {
    const n = minutes.length;
    const price = String(10 + (n % 7));
    minutes.push(candle({
      ...{ openTime: from + at * MINUTE, open: price, high: "20", low: "1", close: price },
      volume: n % 90 < 30 ? "0" : String(n % 5 + 1),
    }));
    step = n % 60 === 59 ? 20 * (1 + n % 13) : 1 + (n % 3);
  }
  return minutes;
}

const [pglite] = databases();

Deno.test("kline reader: a page of hot rows is the same as that part of everything", async () => {
  ok(pglite);
  const { database, close } = await pglite.open();
  const folder = await Deno.makeTempDir();
  const house = await openHouse(database, { folder });
  try {
    const from = Math.floor(Date.now() / DAY) * DAY - 6 * DAY;
    const candles = sparse(from);
    for (let i = 0; i < candles.length; i += 256) {
      const { position } = await house.ingest.ingestCandles(SERIES, candles.slice(i, i + 256), {
        ...{ source: "exchange", actor: "test", commandId: crypto.randomUUID() },
      });
      equal(await house.follower.waitFor(position, 60_000), true);
    }
    const read = async (query: KlineQuery) => {
      const { bytes, more, firstOpenTime } = await house.reader.read(query);
      const rows: unknown[][] = JSON.parse(new TextDecoder().decode(bytes));
      return { rows, more, firstOpenTime };
    };
    const time = fc.option(fc.integer({ min: -600, max: 5 * 1_440 }), { nil: undefined });
    const queries = fc.record({
      ...{ start: time, end: time, limit: fc.integer({ min: 1, max: 40 }) },
      interval: fc.constantFrom<Interval>("1m", "5m", "1h", "4h", "1d", "1w", "1M"),
      order: fc.constantFrom<KlineQuery["order"]>("asc", "desc"),
      fill: fc.constantFrom<KlineQuery["fill"]>("none", "previous"),
      partial: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(queries, async ({ start, end, limit, ...shape }) => {
        fc.pre(start === undefined || end === undefined || start < end);
        const at = (minute: number | undefined) =>
          minute === undefined ? undefined : from + minute * MINUTE;
        const query = { ...QUERY, ...shape, start: at(start), end: at(end) };
        const all = await read({ ...query, limit: 50_000 });
        const newest = query.start === undefined || query.order === "desc";
        const ascending = query.order === "asc" ? all.rows : all.rows.toReversed();
        const kept = newest ? ascending.slice(-limit) : ascending.slice(0, limit);
        const page = await read({ ...query, limit });
        deepEqual(page.rows, query.order === "asc" ? kept : kept.toReversed());
        equal(page.more, all.rows.length > limit);
        equal(page.firstOpenTime, kept.at(0)?.[0]);
      }),
      { numRuns: 60 },
    );
  } finally {
    await house.close();
    await close();
    await Deno.remove(folder, { recursive: true });
  }
});
