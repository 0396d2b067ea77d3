import { deepEqual, equal, ok } from "node:assert/strict";
import type { Candle } from "@/domain/klines/candle.ts";
import { dayStats } from "@/domain/klines/day_stats.ts";
import type { KlineReader } from "@/domain/ports/kline_reader.ts";
import type { OpenCandles } from "@/domain/ports/open_candles.ts";
import { openApp, type TestApp, UNLIMITED } from "@/tests/support/app.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { hold } from "@/tests/support/hold.ts";

const START = utc("2024-01-02");
const MINUTE = 60_000;
const V3 = "/compat/binance/api/v3";
const SYMBOLS = ["AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH"].map((base) => `${base}/USDT`);
const clock = fakeClock(START + 3 * MINUTE + 5_000);

/** What the venue says, and how it was asked. */
let find: OpenCandles["find"] = () => Promise.resolve(undefined);
const reading = { now: 0, most: 0, all: 0 };

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openListings();
Deno.test.afterAll(async () => await (await opened)?.close());

/** Minutes of each symbol: the first lies before the last 24 hours. */
const MINUTES = [-1440, -1436, 0, 1, 2].map((minute) =>
  candle({ openTime: START + minute * MINUTE, close: `${12 - minute % 7}`, high: "20" })
);
const RUNNING = candle({ openTime: START + 3 * MINUTE, high: "25", close: "24", volume: "0.25" });

async function openListings(): Promise<TestApp> {
  const held: { reader?: KlineReader } = {};
  const app: TestApp = await openApp({
    clock,
    openCandles: { find: (...asked) => find(...asked) },
    reader: {
      async read(...asked) {
        reading.all++;
        reading.most = Math.max(reading.most, ++reading.now);
        const page = await held.reader?.read(...asked).finally(() => reading.now--);
        if (page === undefined) throw new Error("Cannot read yet");
        return page;
      },
    },
    venues: {
      ...{ isSimulated: () => false, ids: () => Promise.resolve(["binance"]) },
      require: () => Promise.resolve(),
      resolveSymbol: (_exchange, symbol) => Promise.resolve(symbol),
    },
    settings: { rateLimits: { ...UNLIMITED, market: 1_000 } },
  });
  held.reader = app.house.reader;
  await Promise.all(SYMBOLS.map(async (symbol) => {
    const json = { exchange: "binance", symbol, interval: "1m" };
    await app.json("POST", "/api/v1/series", { as: "admin", json });
    await hold(app, `binance:${symbol}:1m`, MINUTES);
  }));
  return app;
}

async function get({ ask }: TestApp, path: string) {
  const response = await ask("GET", `${V3}/${path}`);
  return { body: await response.json(), headers: response.headers };
}

Deno.test("binance listings: all symbols wait for running candles together, until one moment", async () => {
  const app = await openOnce();
  for (const path of ["ticker/price", "ticker/24hr"]) {
    const asked: [symbol: string, until: number | undefined][] = [];
    const all = Promise.withResolvers<void>();
    find = async ({ symbol }, until) => {
      asked.push([symbol, until]);
      if (asked.length === SYMBOLS.length) all.resolve();
      await all.promise;
      return { closed: [], running: RUNNING };
    };
    const { body } = await get(app, path);
    deepEqual(asked.toSorted(), SYMBOLS.map((symbol) => [symbol, clock.now() + 1_000]), path);
    deepEqual(
      body.map((one: Record<string, string>) => one.price ?? one.lastPrice),
      SYMBOLS.map(() => "24"),
    );
  }
  ok(reading.most <= 4, `${reading.most} reads at one time`);
});

Deno.test("binance listings: the sums of a day are kept until candles of the series change", async () => {
  const app = await openOnce();
  find = () => Promise.resolve({ closed: [], running: RUNNING });
  const ticker = async (candles: readonly Candle[], symbol = "AAUSDT") => {
    const { body } = await get(app, "ticker/24hr");
    const found = body.find((one: { symbol: string }) => one.symbol === symbol);
    const stats = dayStats(candles);
    deepEqual(
      [found.openPrice, found.highPrice, found.lowPrice, found.lastPrice, found.volume],
      [stats?.open, stats?.high, stats?.low, stats?.close, stats?.volume],
    );
    equal(found.closeTime, (candles.at(-1)?.openTime ?? 0) + MINUTE - 1);
    equal(found.prevClosePrice, MINUTES[0]?.close);
  };
  const inside = MINUTES.slice(1);
  await ticker([...inside, RUNNING]);
  const before = reading.all;
  await ticker([...inside, RUNNING]);
  equal(reading.all, before);
  const late = candle({ openTime: START - MINUTE, volume: "7" });
  await hold(app, "binance:AA/USDT:1m", [late]);
  const changed = [inside[0], late, ...inside.slice(1), RUNNING].filter((one) => one !== undefined);
  await ticker(changed);
  equal(reading.all, before + 1);
  // The venue says nothing: the day ends with what is held.
  find = () => Promise.resolve(undefined);
  await ticker(inside, "BBUSDT");
});

Deno.test("binance listings: every request counts once, whatever it weighs at Binance", async () => {
  const app = await openOnce();
  find = () => Promise.resolve(undefined);
  const used = async (path: string) =>
    Number((await get(app, path)).headers.get("x-mbx-used-weight-1m"));
  const two = encodeURIComponent('["AAUSDT","BBUSDT"]');
  const before = await used("ping");
  const paths = [
    ...["klines?symbol=AAUSDT&interval=1m", "exchangeInfo", "ticker/price", "ticker/24hr"],
    `ticker/24hr?symbols=${two}`,
  ];
  for (const [at, path] of paths.entries()) equal(await used(path), before + at + 1, path);
});
