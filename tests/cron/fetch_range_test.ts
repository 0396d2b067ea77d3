import assert from "node:assert/strict";
import fc from "fast-check";
import { askVenue } from "@/cron/ask_venue.ts";
import { fetchRange, nothingKnownEmpty } from "@/cron/fetch_range.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { mergeRanges } from "@/domain/klines/coverage.ts";
import { anyCandles, candle, utc } from "@/tests/support/candles.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { tableExchange, type TableOptions } from "@/tests/support/table_exchange.ts";

const START = utc("2024-03-01");
const MINUTE = 60_000;

interface Fetched {
  readonly candles: readonly Candle[];
  readonly settled: readonly OpenTimeRange[];
  readonly requests: number;
  readonly asked: readonly OpenTimeRange[];
}

async function fetchAll(
  range: OpenTimeRange,
  options: Omit<TableOptions, "now"> & { now?: number },
): Promise<Fetched> {
  const { now = range[1] + MINUTE, ...table } = options;
  const clock = leapingClock(now);
  const venue = tableExchange({ ...table, now: () => now });
  const asker = askVenue({
    ...{ venue, clock, now, log: quietLog, symbol: "BTC/USDT", interval: "1m" },
    ...{ priority: "history", random: () => 0.5, signal: new AbortController().signal },
  });
  const candles = new Map<number, Candle>();
  const settled: OpenTimeRange[] = [];
  await fetchRange(asker, range, {
    empty: nothingKnownEmpty(),
    delivery: {
      candles: (page) => page.forEach((one) => candles.set(one.openTime, one)),
      settled: (part) => settled.push(part),
    },
  });
  return {
    candles: [...candles.values()].sort((a, b) => a.openTime - b.openTime),
    settled: mergeRanges(settled),
    requests: venue.requests.length,
    asked: venue.requests.map(({ from, to }) => [from, to]),
  };
}

function minutes(from: number, count: number): Candle[] {
  return Array.from({ length: count }, (_, i) => candle({ openTime: from + i * MINUTE }));
}

Deno.test("range is fetched whole from any venue that answers in order", async () => {
  const venue = fc.record({
    candles: anyCandles("1m", { start: START, slots: 80 }),
    pageLimit: fc.integer({ min: 2, max: 30 }),
    seeksForward: fc.constant(true),
  });
  await fc.assert(fc.asyncProperty(venue, async (options) => {
    const range: OpenTimeRange = [START, START + 80 * MINUTE];
    const { candles, settled } = await fetchAll(range, options);
    assert.deepEqual(candles, options.candles);
    assert.deepEqual(settled, [range]);
  }));
});

Deno.test("range is fetched whole when every fifth answer fails or is empty", async () => {
  const kinds = fc.array(fc.constantFrom("down", "empty", undefined, undefined), { maxLength: 40 });
  await fc.assert(fc.asyncProperty(kinds, async (faults) => {
    // Never two of a kind in a row: whoever fails three times in a row is believed or given up.
    const spread = faults.map((fault, i) => i % 5 === 0 ? fault : undefined);
    const all = minutes(START, 60);
    const { candles } = await fetchAll([START, START + 60 * MINUTE], {
      ...{ candles: all, pageLimit: 9, fault: (n) => spread[n - 1] },
    });
    assert.deepEqual(candles, all);
  }));
});

Deno.test("range is fetched whole from a venue whose pages hold less than it says", async () => {
  const all = minutes(START, 90);
  const { candles } = await fetchAll([START, START + 90 * MINUTE], {
    ...{ candles: all, pageLimit: 40, cap: 7 },
  });
  assert.deepEqual(candles, all);
});

Deno.test("range of full pages costs one request a page", async () => {
  const { requests } = await fetchAll([START, START + 990 * MINUTE], {
    ...{ candles: minutes(START, 990), pageLimit: 100 },
  });
  assert.equal(requests, 10);
});

Deno.test("range before a listing costs few requests when the venue jumps forward", async () => {
  const [years, listed] = [START - 5 * 365 * 1440 * MINUTE, START - 50 * MINUTE];
  const { candles, settled, requests } = await fetchAll([years, START], {
    candles: minutes(listed, 50),
  });
  assert.equal(candles.length, 50);
  assert.deepEqual(settled, [[years, START]]);
  assert.ok(requests < 15, `${requests} requests`);
});

Deno.test("range before a listing costs few requests when the venue does not jump", async () => {
  const years = START - 5 * 365 * 1440 * MINUTE;
  for (const listedDaysAgo of [1, 20, 100]) {
    const listed = START - listedDaysAgo * 1440 * MINUTE + 7 * MINUTE;
    const held = minutes(listed, listedDaysAgo * 1440 - 7);
    const { candles, requests } = await fetchAll([years, START], {
      ...{ candles: held, pageLimit: 1000, seeksForward: false },
    });
    assert.equal(candles.length, held.length);
    assert.ok(requests < held.length / 990 + 60, `${requests} for ${held.length}`);
  }
});

Deno.test("range after a delisting costs few requests", async () => {
  for (const seeksForward of [true, false]) {
    const until = START + 2 * 365 * 1440 * MINUTE;
    const { candles, requests } = await fetchAll([START, until], {
      ...{ candles: minutes(START, 3000), seeksForward },
    });
    assert.equal(candles.length, 3000);
    assert.ok(requests < 50, `${requests} requests`);
  }
});

Deno.test("range with a hole in a page asks for the hole by itself", async () => {
  const all = [...minutes(START, 10), ...minutes(START + 15 * MINUTE, 10)];
  const { candles, asked } = await fetchAll([START, START + 25 * MINUTE], { candles: all });
  assert.deepEqual(candles, all);
  assert.deepEqual(asked.slice(1), [[START + 10 * MINUTE, START + 15 * MINUTE]]);
});

Deno.test("range of a thin market does not ask for each of its holes", async () => {
  const thin = minutes(START, 500).filter((_, i) => i % 2 === 0);
  const { candles, requests } = await fetchAll([START, START + 500 * MINUTE], { candles: thin });
  assert.deepEqual(candles, thin);
  assert.ok(requests <= 2, `${requests} requests`);
});

Deno.test("range keeps both bars of a slot when a page ends between them", async () => {
  const twins = [
    candle({ openTime: START + 9 * MINUTE }),
    candle({ openTime: START + 9 * MINUTE + 20_799 }),
  ];
  const all = [...minutes(START, 9), ...twins, ...minutes(START + 10 * MINUTE, 9)];
  for (const pageLimit of [5, 10, 11]) {
    const { candles } = await fetchAll([START, START + 19 * MINUTE], { candles: all, pageLimit });
    assert.deepEqual(candles, all);
  }
});

Deno.test("range gives up a venue that says it has candles and does not send them", async () => {
  const failure = fetchAll([START, START + 50 * MINUTE], {
    candles: minutes(START, 50),
    // Every page is empty, every question for the next candle is answered.
    fault: (n) => n % 2 === 1 ? "empty" : undefined,
  });
  await assert.rejects(failure, /has candles that it does not send/);
});

Deno.test("range waits between attempts and gives up after the last one", async () => {
  await assert.rejects(
    fetchAll([START, START + 5 * MINUTE], { candles: [], fault: () => "down" }),
    /it is down/,
  );
});

Deno.test("range of months is fetched by the calendar", async () => {
  const clock = leapingClock(START);
  const opened = [0, 1, 2, 3, 4, 5].map((month) => candle({ openTime: Date.UTC(2023, month) }));
  const venue = tableExchange({ candles: opened, now: clock.now, pageLimit: 3 });
  const asker = askVenue({
    ...{ venue, clock, now: START, log: quietLog, symbol: "BTC/USDT", interval: "1M" },
    ...{ priority: "history", random: () => 0, signal: new AbortController().signal },
  });
  const found: number[] = [];
  await fetchRange(asker, [Date.UTC(2022, 6), Date.UTC(2023, 6)], {
    empty: nothingKnownEmpty(),
    delivery: { candles: (page) => found.push(...page.map((c) => c.openTime)), settled() {} },
  });
  assert.deepEqual([...new Set(found)].sort(), opened.map((c) => c.openTime));
});
