import { deepEqual } from "node:assert/strict";
import type { Candle } from "@/domain/klines/candle.ts";
import { createBarReader } from "@/routes/bars.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { hold } from "@/tests/support/hold.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const START = utc("2024-01-01");
const MINUTE = 60_000;
const clock = fakeClock(START + 8 * MINUTE + 5_000);
/** Minute 8 runs. */
let running: Candle | undefined;
/** What the venue says to have closed. */
let closed: readonly Candle[] = [];

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWatching({ openCandle: true });
Deno.test.afterAll(async () => await (await opened)?.close());

async function openWatching(settings: { openCandle: boolean }): Promise<TestApp> {
  const openCandles = { find: () => Promise.resolve({ closed, running }) };
  const app = await openApp({ clock, openCandles, settings });
  const json = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" };
  await app.json("POST", "/api/v1/series", { as: "admin", json });
  const minutes = [0, 1, 2, 3, 4, 5, 6, 7];
  await hold(app, "binance:BTC/USDT:1m", minutes.map((i) => candle({ openTime: at(i) })));
  await hold(app, "binance:ETH/USDT:1m", minutes.map((i) => candle({ openTime: at(i) })));
  return app;
}

const at = (minute: number) => START + minute * MINUTE;

function open(minute: number): Candle {
  return candle({ openTime: at(minute), high: "15", close: "14", volume: "0.25" });
}

/** Minutes and closes of what klines answers. */
async function rows({ ask }: TestApp, query: string): Promise<unknown[]> {
  const response = await ask("GET", `/compat/binance/api/v3/klines?interval=1m&${query}`);
  const body: [number, ...string[]][] = await response.json();
  return body.map(([openTime, , , , close]) => [(openTime - START) / MINUTE, close]);
}

Deno.test("running candle: follows the closed ones where the range reaches it", async () => {
  const app = await openOnce();
  running = open(8);
  const last = [[7, "11"], [8, "14"]];
  deepEqual(await rows(app, "symbol=BTCUSDT&limit=2"), last);
  deepEqual(await rows(app, `symbol=BTCUSDT&startTime=${at(7)}`), last);
  deepEqual(await rows(app, `symbol=BTCUSDT&endTime=${at(8)}&limit=2`), last);
  deepEqual(await rows(app, `symbol=BTCUSDT&startTime=${at(8)}`), [[8, "14"]]);
  deepEqual(await rows(app, `symbol=BTCUSDT&startTime=${at(7)}&limit=1`), [[7, "11"]]);
  deepEqual(await rows(app, `symbol=BTCUSDT&endTime=${at(8) - 1}&limit=1`), [[7, "11"]]);
  deepEqual(await rows(app, `symbol=BTCUSDT&startTime=${at(9)}`), []);
});

Deno.test("running candle: completes the larger bar that runs, and no other", async () => {
  const app = await openOnce();
  running = open(8);
  const { ask } = app;
  const response = await ask(
    "GET",
    "/compat/binance/api/v3/klines?symbol=BTCUSDT&interval=5m&limit=2",
  );
  const body = await response.json();
  deepEqual(
    body.map((row: string[]) => row.slice(1, 6)),
    [["10", "12", "9", "11", "25"], ["10", "15", "9", "14", "15.25"]],
  );
  deepEqual(body[1][6], at(10) - 1);
});

Deno.test("running candle: shows nowhere where a closed one is still on its way", async () => {
  const app = await openOnce();
  running = open(9);
  deepEqual(await rows(app, "symbol=BTCUSDT&limit=1"), [[7, "11"]]);
  clock.advance(MINUTE + 11_000);
  deepEqual(await rows(app, "symbol=BTCUSDT&limit=1"), [[9, "14"]]);
});

Deno.test("running candle: comes behind those that have closed and are not stored", async () => {
  const app = await openOnce();
  const query = "symbol=BTCUSDT";
  closed = [open(7), open(8)];
  try {
    running = open(9);
    deepEqual(await rows(app, `${query}&limit=3`), [[7, "11"], [8, "14"], [9, "14"]]);
    deepEqual(await rows(app, `${query}&startTime=${at(7)}&limit=2`), [[7, "11"], [8, "14"]]);
    deepEqual(await rows(app, `${query}&startTime=${at(8)}`), [[8, "14"], [9, "14"]]);
    deepEqual(await rows(app, `${query}&endTime=${at(9) - 1}&limit=2`), [[7, "11"], [8, "14"]]);
    deepEqual(await rows(app, `${query}&startTime=${at(8)}&endTime=${at(8)}`), [[8, "14"]]);
    running = undefined;
    deepEqual(await rows(app, `${query}&limit=2`), [[7, "11"], [8, "14"]]);
  } finally {
    closed = [];
  }
});

Deno.test("running candle: counts in tickers with those that have closed and are not stored", async () => {
  const { ask } = await openOnce();
  const lasting = async () => {
    const day = await ask("GET", "/compat/binance/api/v3/ticker/24hr?symbol=BTCUSDT");
    const { volume, closeTime } = await day.json();
    return [volume, closeTime];
  };
  closed = [open(7), open(8)];
  try {
    running = open(9);
    deepEqual(await lasting(), ["40.5", at(10) - 1]);
    running = undefined;
    deepEqual(await lasting(), ["40.25", at(9) - 1]);
  } finally {
    closed = [];
  }
  deepEqual(await lasting(), ["40", at(8) - 1]);
});

Deno.test("running candle: counts one once that is stored while the series' row does not show it", async () => {
  const { deps, house } = await openOnce();
  const [view] = (await house.series.list()).filter(({ symbol }) => symbol === "BTC/USDT");
  if (view === undefined) throw new Error("BTC/USDT is not listed");
  const said = { closed: [open(6), open(7)], running: open(8) };
  const bars = createBarReader({ ...deps, openCandles: { find: () => Promise.resolve(said) } });
  const { rows, open: runs } = await bars.newest({ ...view, lastOpenTime: at(5) }, "5m");
  deepEqual(rows.map((row) => [row[0], row[5]]), [[at(5), "5.75"]]);
  deepEqual(runs, true);
});

Deno.test("running candle: a larger bar that runs shows what is held where the venue says nothing", async () => {
  const app = await openOnce();
  running = undefined;
  const [bar] = await (await app.ask(
    "GET",
    "/compat/binance/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1",
  )).json();
  deepEqual([bar[0], bar[5], bar[6]], [START, "40", at(60) - 1]);
});

Deno.test("running candle: that has closed and is stored shows once", async () => {
  const app = await openOnce();
  running = open(7);
  deepEqual(await rows(app, "symbol=BTCUSDT&limit=1"), [[7, "11"]]);
});

Deno.test("running candle: of a series that nobody watches does not show", async () => {
  const app = await openOnce();
  running = open(8);
  deepEqual(await rows(app, "symbol=ETHUSDT&limit=1"), [[7, "11"]]);
});

Deno.test("running candle: shows in the prices of tickers", async () => {
  const { ask } = await openOnce();
  running = open(8);
  const price = await ask("GET", "/compat/binance/api/v3/ticker/price?symbol=BTCUSDT");
  deepEqual(await price.json(), { symbol: "BTCUSDT", price: "14" });
  const day = await ask("GET", "/compat/binance/api/v3/ticker/24hr?symbol=BTCUSDT");
  const { lastPrice, highPrice, closeTime } = await day.json();
  deepEqual([lastPrice, highPrice, closeTime], ["14", "15", at(9) - 1]);
});

Deno.test("running candle: does not show where the setting says so", async () => {
  const app = await openWatching({ openCandle: false });
  try {
    running = open(8);
    deepEqual(await rows(app, "symbol=BTCUSDT&limit=1"), [[7, "11"]]);
  } finally {
    await app.close();
  }
});
