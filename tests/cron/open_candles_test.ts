import { deepEqual, equal } from "node:assert/strict";
import { createOpenCandles } from "@/cron/open_candles.ts";
import type { CandleRequest, Exchange } from "@/domain/ports/exchange.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { fakeClock, settle } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const START = utc("2024-01-01");
const SERIES: SeriesRef = { exchange: "venue", symbol: "BTC/USDT", interval: "1m" };

type Answer = (request: CandleRequest) => Promise<ReturnType<typeof candle>[]>;

/** A venue whose clock is 30 s ahead of ours. */
function open(answer: Answer) {
  const clock = fakeClock(START + 5_000);
  const asked: CandleRequest[] = [];
  const venue: Exchange = {
    ...{ id: "venue", simulated: false, pageLimit: 1000, seeksForward: true },
    time: () => Promise.resolve(clock.now() + 30_000),
    resolveSymbol: (symbol) => Promise.resolve(symbol),
    fetchCandles(request) {
      asked.push(request);
      return answer(request);
    },
    close: () => Promise.resolve(),
  };
  const exchanges = { get: () => Promise.resolve(venue) };
  return { clock, asked, candles: createOpenCandles({ exchanges, clock, log: quietLog }) };
}

const bar = (close: string) => candle({ openTime: START, close });

Deno.test("open candles: the first reader waits for the venue's answer", async () => {
  const { candles, asked } = open(() => Promise.resolve([bar("11")]));
  equal((await candles.find(SERIES))?.close, "11");
  deepEqual(asked.map(({ from, to, limit, priority }) => ({ from, to, limit, priority })), [
    { from: START, to: START + 60_000, limit: 1, priority: "reader" },
  ]);
});

Deno.test("open candles: many readers ask once, later ones get what is known and ask anew", async () => {
  const closes = ["11", "11.5", "12"];
  const { candles, asked, clock } = open(() => Promise.resolve([bar(closes.shift() ?? "")]));
  await Promise.all([candles.find(SERIES), candles.find(SERIES), candles.find(SERIES)]);
  equal((await candles.find(SERIES))?.close, "11");
  equal(asked.length, 1);
  clock.advance(2_500);
  equal((await candles.find(SERIES))?.close, "11");
  await settle();
  equal((await candles.find(SERIES))?.close, "11.5");
  equal(asked.length, 2);
});

Deno.test("open candles: by the venue's clock a candle runs out, ours may say what it likes", async () => {
  const { candles, clock } = open(() => Promise.resolve([bar("11")]));
  equal((await candles.find(SERIES))?.openTime, START);
  clock.advance(25_001);
  equal(await candles.find(SERIES), undefined);
});

Deno.test("open candles: a venue that is slow is waited for a second", async () => {
  const { candles, clock } = open(() => new Promise(() => {}));
  const found = candles.find(SERIES);
  await settle();
  deepEqual(clock.sleepers(), [1_000]);
  clock.advance(1_000);
  equal(await found, undefined);
  deepEqual(clock.sleepers(), []);
});

Deno.test("open candles: a venue that failed is left alone for half a minute", async () => {
  const { candles, asked, clock } = open(() => Promise.reject(new Error("down")));
  equal(await candles.find(SERIES), undefined);
  clock.advance(29_000);
  equal(await candles.find(SERIES), undefined);
  equal(asked.length, 1);
  clock.advance(1_000);
  await candles.find(SERIES);
  equal(asked.length, 2);
});

Deno.test("open candles: what could never be stored is not shown, nor is nothing", async () => {
  const broken = open(() => Promise.resolve([candle({ openTime: START, high: "1" })]));
  equal(await broken.candles.find(SERIES), undefined);
  equal(await open(() => Promise.resolve([])).candles.find(SERIES), undefined);
});

Deno.test("open candles: nobody is asked for a series that its source brings", async () => {
  const { candles, asked } = open(() => Promise.resolve([bar("11")]));
  const series: SeriesRef = { exchange: "sina", symbol: "RB0", interval: "1d" };
  equal(await candles.find(series), undefined);
  equal(asked.length, 0);
});

Deno.test("open candles: few are with a venue at one time, what was asked longest ago is next", async () => {
  const answers: PromiseWithResolvers<ReturnType<typeof candle>[]>[] = [];
  const { candles, asked, clock } = open(() => {
    const answer = Promise.withResolvers<ReturnType<typeof candle>[]>();
    answers.push(answer);
    return answer.promise;
  });
  const symbols = ["A", "B", "C", "D", "E", "F", "G", "H"].map((name) => `${name}/USDT`);
  const read = () =>
    Promise.all(
      symbols.map((symbol) => candles.find({ ...SERIES, symbol }, clock.now() + 1_000)),
    );
  const first = read();
  await settle();
  deepEqual(asked.map(({ symbol }) => symbol), symbols.slice(0, 4));
  for (const answer of answers.slice(0, 2)) answer.resolve([bar("11")]);
  await settle();
  deepEqual(asked.map(({ symbol }) => symbol), symbols.slice(0, 6));
  clock.advance(1_001);
  deepEqual((await first).map((one) => one?.close), ["11", "11", ...Array(6).fill(undefined)]);
  // What nobody waits for any more is not asked, and comes first when it is read again.
  for (const answer of answers.slice(2)) answer.resolve([bar("12")]);
  await settle();
  equal(asked.length, 6);
  clock.advance(2_000);
  void read();
  await settle();
  deepEqual(asked.slice(6).map(({ symbol }) => symbol).toSorted(), [
    ...["A/USDT", "B/USDT", "G/USDT", "H/USDT"],
  ]);
  clock.advance(1_001);
});
