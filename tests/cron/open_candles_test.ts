import { deepEqual, equal } from "node:assert/strict";
import { createOpenCandles } from "@/cron/open_candles.ts";
import type { CandleRequest, Exchange } from "@/domain/ports/exchange.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import type { OpenCandles } from "@/domain/ports/open_candles.ts";
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

const running = async (candles: OpenCandles) => (await candles.find(SERIES))?.running;
const bar = (close: string) => candle({ openTime: START, close });

Deno.test("open candles: the first reader waits for the venue's answer", async () => {
  const { candles, asked } = open(() => Promise.resolve([bar("11")]));
  equal((await running(candles))?.close, "11");
  deepEqual(asked.map(({ from, to, limit, priority }) => ({ from, to, limit, priority })), [
    { from: START - 60_000, to: START + 60_000, limit: 2, priority: "reader" },
  ]);
});

Deno.test("open candles: many readers ask once, later ones get what is known and ask anew", async () => {
  const closes = ["11", "11.5", "12"];
  const { candles, asked, clock } = open(() => Promise.resolve([bar(closes.shift() ?? "")]));
  await Promise.all([candles.find(SERIES), candles.find(SERIES), candles.find(SERIES)]);
  equal((await running(candles))?.close, "11");
  equal(asked.length, 1);
  clock.advance(2_500);
  equal((await running(candles))?.close, "11");
  await settle();
  equal((await running(candles))?.close, "11.5");
  equal(asked.length, 2);
});

Deno.test("open candles: by the venue's clock a candle runs out, ours may say what it likes", async () => {
  const { candles, clock } = open(() => Promise.resolve([bar("11")]));
  equal((await running(candles))?.openTime, START);
  clock.advance(25_001);
  equal(await running(candles), undefined);
});

/** Minutes and closes that are known. */
async function newest(candles: OpenCandles): Promise<unknown> {
  const found = await candles.find(SERIES);
  const named = (one: Candle | undefined) => one && [(one.openTime - START) / 60_000, one.close];
  return { closed: found?.closed.map(named), running: named(found?.running) };
}

/** Each minute closes with 11, and runs at 10.5 from its third second on. */
function minutes({ from, to, limit }: CandleRequest, venueTime: number) {
  const found: Candle[] = [];
  for (let openTime = from; openTime < to && found.length < limit; openTime += 60_000) {
    if (venueTime < openTime + 3_000) break;
    const isOver = openTime + 60_000 <= venueTime;
    found.push(candle({ openTime, close: isOver ? "11" : "10.5" }));
  }
  return found;
}

Deno.test("open candles: when a candle closes the venue is asked at once, and once, what it came to", async () => {
  const venue = open((request) => {
    return Promise.resolve(minutes(request, venue.clock.now() + 30_000));
  });
  const { candles, asked, clock } = venue;
  clock.advance(18_500);
  deepEqual(await newest(candles), { closed: [[-1, "11"]], running: [0, "10.5"] });
  clock.advance(1_499);
  deepEqual(await newest(candles), { closed: [[-1, "11"]], running: [0, "10.5"] });
  equal(asked.length, 1);
  clock.advance(5_001);
  const closed = { closed: [[0, "11"]], running: undefined };
  deepEqual(await Promise.all([newest(candles), newest(candles)]), [closed, closed]);
  clock.advance(1_900);
  deepEqual(await newest(candles), closed);
  equal(asked.length, 2);
  clock.advance(1_200);
  await candles.find(SERIES);
  await settle();
  deepEqual(await newest(candles), { closed: [[0, "11"]], running: [1, "10.5"] });
  equal(asked.length, 3);
});

Deno.test("open candles: what ran when it was asked for is never given as closed", async () => {
  let answers = 1;
  const venue = open((request) => {
    if (answers-- === 0) return new Promise(() => {});
    return Promise.resolve(minutes(request, venue.clock.now() + 30_000));
  });
  const { candles, clock } = venue;
  await candles.find(SERIES);
  clock.advance(25_000);
  const found = newest(candles);
  await settle();
  clock.advance(1_000);
  deepEqual(await found, { closed: [[-1, "11"]], running: undefined });
});

Deno.test("open candles: a candle that closes while the venue is asked is asked for again", async () => {
  const first = Promise.withResolvers<Candle[]>();
  const venue = open((request) => {
    if (venue.asked.length === 1) return first.promise;
    return Promise.resolve(minutes(request, venue.clock.now() + 30_000));
  });
  const { candles, asked, clock } = venue;
  clock.advance(24_900);
  const found = newest(candles);
  await settle();
  clock.advance(200);
  first.resolve([candle({ openTime: START })]);
  deepEqual(await found, { closed: [[0, "11"]], running: undefined });
  equal(asked.length, 2);
});

Deno.test("open candles: a venue that failed is left alone also when a candle closes", async () => {
  let down = false;
  const venue = open((request) => {
    if (down) return Promise.reject(new Error("down"));
    return Promise.resolve(minutes(request, venue.clock.now() + 30_000));
  });
  const { candles, asked, clock } = venue;
  await candles.find(SERIES);
  down = true;
  clock.advance(15_000);
  deepEqual(await newest(candles), { closed: [[-1, "11"]], running: [0, "10.5"] });
  clock.advance(10_001);
  deepEqual(await newest(candles), { closed: [[-1, "11"]], running: undefined });
  equal(asked.length, 2);
});

Deno.test("open candles: an answer of long ago is not given before the venue has been asked", async () => {
  const closes = ["11", "11.5", "12"];
  const { candles, clock } = open(() => Promise.resolve([bar(closes.shift() ?? "")]));
  await candles.find(SERIES);
  clock.advance(9_999);
  equal((await running(candles))?.close, "11");
  await settle();
  clock.advance(10_000);
  equal((await running(candles))?.close, "12");
});

Deno.test("open candles: of short ones all that may not be stored yet", async () => {
  const { candles, asked } = open(() => Promise.resolve([]));
  await candles.find({ ...SERIES, interval: "1s" });
  const [{ from, to, limit } = { from: 0, to: 0, limit: 0 }] = asked;
  deepEqual([from, to, limit], [START + 20_000, START + 36_000, 16]);
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
  equal(await running(candles), undefined);
  clock.advance(29_000);
  equal(await running(candles), undefined);
  equal(asked.length, 1);
  clock.advance(1_000);
  await candles.find(SERIES);
  equal(asked.length, 2);
});

Deno.test("open candles: what could never be stored is not shown, nor is nothing", async () => {
  const broken = open(() => Promise.resolve([candle({ openTime: START, high: "1" })]));
  equal(await running(broken.candles), undefined);
  equal(await running(open(() => Promise.resolve([])).candles), undefined);
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
  deepEqual((await first).map((one) => one?.running?.close), [
    "11",
    "11",
    ...Array(6).fill(undefined),
  ]);
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
