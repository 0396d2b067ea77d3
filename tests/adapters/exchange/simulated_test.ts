import assert from "node:assert/strict";
import fc from "fast-check";
import { createSimulated } from "@/adapters/exchange/simulated.ts";
import { aggregate } from "@/domain/klines/aggregate.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { compareDecimals } from "@/domain/klines/decimal.ts";
import { type Interval, nextSlot, slotStart } from "@/domain/klines/interval.ts";
import { validateBatch } from "@/domain/klines/validate.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const NOW = Date.UTC(2025, 5, 1);
const DAY = 86_400_000;
const MINUTE = 60_000;

function open(seed = 1) {
  return createSimulated({ clock: fakeClock(NOW), seed });
}

interface Asked {
  readonly interval?: Interval;
  readonly symbol?: string;
  readonly seed?: number;
}

/** Everything of a range, page by page. */
async function all(
  from: number,
  to: number,
  { interval = "1m", symbol = "BTC/USDT", seed }: Asked = {},
) {
  const exchange = open(seed);
  const candles: Candle[] = [];
  while (from < to) {
    const page = await exchange.fetchCandles({ symbol, interval, from, to, limit: 1000 });
    const last = page.at(-1);
    if (last === undefined) break;
    candles.push(...page);
    from = last.openTime + 1;
  }
  return candles;
}

Deno.test("simulated candle depends on seed, symbol and time alone", async () => {
  const minute = fc.integer({ min: Date.UTC(2018, 0) / MINUTE, max: NOW / MINUTE - 200 });
  await fc.assert(
    fc.asyncProperty(minute, fc.nat(100), async (first, ahead) => {
      const from = first * MINUTE;
      const span = await all(from, from + 120 * MINUTE);
      const alone = await all(from + ahead * MINUTE, from + (ahead + 1) * MINUTE);
      assert.deepEqual(alone, span.filter((c) => c.openTime === from + ahead * MINUTE));
    }),
    { numRuns: 50 },
  );
});

Deno.test("simulated candles differ by symbol and by seed", async () => {
  const [from, to] = [NOW - 10 * MINUTE, NOW];
  const usual = await all(from, to);
  assert.notDeepEqual(await all(from, to, { symbol: "XRP/USDT" }), usual);
  assert.notDeepEqual(await all(from, to, { seed: 2 }), usual);
});

Deno.test("simulated candles are valid, with quiet minutes and outages now and then", async () => {
  const days = 60;
  const candles = await all(NOW - days * DAY, NOW);
  const { rejected } = validateBatch(candles, { interval: "1m", now: NOW });
  assert.deepEqual(rejected, []);
  const quiet = candles.filter(({ volume }) => volume === "0");
  assert.ok(quiet.length > days && quiet.length < candles.length / 100, `${quiet.length} quiet`);
  for (const { open, high, low, close, tradesCount } of quiet) {
    assert.deepEqual([high, low, close, tradesCount], [open, open, open, 0]);
  }
  const missing = days * 1440 - candles.length;
  assert.ok(missing > 0 && missing < days * 30, `${missing} missing`);
});

Deno.test("simulated candles carry all details, taker volumes within the whole", async () => {
  for (const one of await all(NOW - DAY, NOW)) {
    assert.ok(one.quoteVolume !== null && one.takerBuyVolume !== null);
    assert.ok(one.takerBuyQuoteVolume !== null && one.tradesCount !== null);
    assert.ok(compareDecimals(one.takerBuyVolume, one.volume) <= 0);
    assert.ok(compareDecimals(one.takerBuyQuoteVolume, one.quoteVolume) <= 0);
  }
});

for (
  const [small, large, days] of [["1s", "1m", 0.2], ["1m", "15m", 5], ["1m", "1h", 40], [
    "1m",
    "1d",
    20,
  ]] as const
) {
  Deno.test(`simulated ${small} candles add up to the ${large} ones`, async () => {
    const to = slotStart(large, NOW);
    const from = slotStart(large, to - days * DAY);
    const parts = await all(from, to, { interval: small });
    const whole = await all(from, to, { interval: large });
    assert.deepEqual(
      aggregate(parts, { stored: small, wanted: large, completeTo: to }),
      whole,
    );
  });
}

Deno.test("simulated prices move like a market's: no jump of a tenth within a minute", async () => {
  const candles = await all(NOW - 30 * DAY, NOW);
  for (const { open, high, low } of candles) {
    assert.ok(Number(high) < Number(open) * 1.1 && Number(low) > Number(open) * 0.9);
  }
  const closes = candles.map(({ close }) => Number(close));
  assert.ok(Math.max(...closes) > Math.min(...closes) * 1.02, "a month that stands still");
});

Deno.test("simulated open candle shows what has happened of it", async () => {
  const clock = fakeClock(NOW + 30_000);
  const exchange = createSimulated({ clock });
  const asked = {
    symbol: "BTC/USDT",
    interval: "1m",
    from: NOW,
    to: NOW + DAY,
    limit: 10,
  } as const;
  const [half] = await exchange.fetchCandles(asked);
  clock.advance(30_000);
  const [whole] = await exchange.fetchCandles(asked);
  assert.ok(half !== undefined && whole !== undefined);
  assert.equal(half.open, whole.open);
  assert.ok(compareDecimals(half.volume, whole.volume) < 0);
});

Deno.test("simulated symbols are listed on one day and have nothing before", async () => {
  const listedAt = Date.UTC(2021, 2, 3);
  const exchange = createSimulated({ clock: fakeClock(NOW), listedAt });
  const asked = { symbol: "ADAUSDT", interval: "1h", from: 0, to: NOW, limit: 1 } as const;
  assert.deepEqual((await exchange.fetchCandles(asked)).map((c) => c.openTime), [listedAt]);
  assert.deepEqual(await exchange.fetchCandles({ ...asked, to: listedAt }), []);
});

Deno.test("simulated long bars let others have their turn", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await all(NOW - 400 * DAY, NOW, { interval: "1d" });
  clearInterval(timer);
  assert.ok(turns >= 3, `${turns} turns`);
});

Deno.test("simulated months and weeks start where they should", async () => {
  for (const interval of ["1w", "1M"] as const) {
    const from = slotStart(interval, NOW - 70 * DAY);
    const bars = await all(from, NOW, { interval });
    assert.equal(bars[0]?.openTime, from);
    assert.equal(bars[1]?.openTime, nextSlot(interval, from));
  }
});
