import assert from "node:assert/strict";
import type { Candle } from "@/domain/klines/candle.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { hold } from "@/tests/support/hold.ts";

const START = utc("2024-01-01");
const S = START / 1_000;
const MINUTE = 60_000;
/** Minute 12 runs. */
const clock = fakeClock(START + 12 * MINUTE + 5_000);
let running: Candle | undefined;

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithCandles();
Deno.test.afterAll(async () => await (await opened)?.close());

/** Minutes of binance's BTC/USDT with 5 to 7 missing, one of okx's, days of contracts, an odd minute. */
async function openWithCandles(): Promise<TestApp> {
  const openCandles = { find: () => Promise.resolve({ closed: [], running }) };
  const app = await openApp({ clock, openCandles });
  const json = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" };
  await app.json("POST", "/api/v1/series", { as: "admin", json });
  await hold(app, "binance:BTC/USDT:1m", [0, 1, 2, 3, 4, 8, 9, 10, 11].map(at));
  await hold(app, "okx:BTC/USDT:1m", [at(0)]);
  const day = candle({ openTime: utc("2023-12-30"), open: "10.25", volume: "1.125" });
  await hold(app, "okx:ETH/USDT:USDT:1d", [day]);
  await hold(app, "okx:EMPTY/USDT:1m", []);
  await hold(app, "binanceusdm:FIL/USDT:USDT:1d", [candle({ openTime: utc("2023-12-30") })]);
  const odd = { ...at(0), openTime: START + 400, close: "11.5" };
  await hold(app, "kraken:LTC/USDT:1m", [at(0), odd]);
  return app;
}

function at(minute: number): Candle {
  return candle({ openTime: START + minute * MINUTE, close: `${10 + minute / 10}` });
}

type Parsed = Awaited<ReturnType<Response["json"]>>;

async function udf({ ask }: TestApp, path: string): Promise<Parsed> {
  const response = await ask("GET", `/udf/${path}`);
  assert.equal(response.status, 200, path);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  return await response.json();
}

/** Minutes since the start of the bars. */
async function minutesOf(app: TestApp, query: string): Promise<unknown> {
  const body = await udf(app, `history?symbol=BINANCE:BTCUSDT&resolution=1&${query}`);
  return body.s === "ok" ? body.t.map((t: number) => (t - S) / 60) : body;
}

Deno.test("udf config: says what there is", async () => {
  const app = await openOnce();
  const { exchanges, symbols_types, ...config } = await udf(app, "config");
  assert.deepEqual(config, {
    ...{ supports_search: true, supports_group_request: false, supports_marks: false },
    ...{ supports_timescale_marks: false, supports_time: true },
    supported_resolutions: ["1", "5", "15", "30", "60", "240", "1D", "1W", "1M"],
  });
  assert.deepEqual(exchanges.map((one: { value: string }) => one.value), [
    "",
    "BINANCE",
    "BINANCEUSDM",
    "KRAKEN",
    "OKX",
  ]);
  assert.deepEqual(symbols_types.map((one: { value: string }) => one.value), ["", "crypto"]);
});

Deno.test("udf time: whole seconds as bare text", async () => {
  const { ask } = await openOnce();
  assert.equal(await (await ask("GET", "/udf/time")).text(), String(S + 12 * 60 + 5));
});

Deno.test("udf symbols: a symbol with its scale and the resolutions that can be drawn", async () => {
  const app = await openOnce();
  const btc = await udf(app, "symbols?symbol=BTCUSDT");
  assert.deepEqual(
    [btc.name, btc.ticker, btc.exchange, btc.listed_exchange, btc.type, btc.session],
    ["BTCUSDT", "BINANCE:BTCUSDT", "BINANCE", "BINANCE", "crypto", "24x7"],
  );
  assert.deepEqual([btc.timezone, btc.minmov, btc.pricescale, btc.volume_precision], [
    ...["Etc/UTC", 1, 10, 0],
  ]);
  assert.deepEqual([btc.has_intraday, btc.has_daily, btc.has_weekly_and_monthly], [
    ...[true, true, true],
  ]);
  assert.deepEqual(btc.intraday_multipliers.slice(0, 3), ["1", "3", "5"]);
  assert.equal("s" in btc, false);
  const daily = await udf(app, "symbols?symbol=OKX:ETHUSDT.P");
  assert.deepEqual(daily.supported_resolutions, ["1D", "3D", "1W", "1M"]);
  assert.deepEqual([daily.has_intraday, daily.pricescale, daily.volume_precision], [false, 100, 3]);
});

const NAMES: readonly [symbol: string, ticker: string][] = [
  ["BTC/USDT", "BINANCE:BTCUSDT"],
  ["btc/usdt", "BINANCE:BTCUSDT"],
  ["BINANCE:BTC/USDT", "BINANCE:BTCUSDT"],
  ["okx:BTC/USDT", "OKX:BTCUSDT"],
  ["ETH/USDT:USDT", "OKX:ETHUSDT.P"],
  ["OKX:ETH/USDT:USDT", "OKX:ETHUSDT.P"],
  ["OKX:ETHUSDT.P", "OKX:ETHUSDT.P"],
  ["FILUSDT", "BINANCEUSDM:FILUSDT"],
  ["FILUSDT.P", "BINANCEUSDM:FILUSDT"],
  ["BINANCEUSDM:FILUSDT.P", "BINANCEUSDM:FILUSDT"],
];

Deno.test("udf symbols and history: a symbol is found by its ticker and as ccxt writes it", async () => {
  const app = await openOnce();
  running = undefined;
  const history = (symbol: string) =>
    udf(
      app,
      `history?symbol=${encodeURIComponent(symbol)}&resolution=1D&from=0&to=${S + 99_999}`,
    );
  for (const [symbol, ticker] of NAMES) {
    const asked = `symbol=${encodeURIComponent(symbol)}`;
    assert.equal((await udf(app, `symbols?${asked}`)).ticker, ticker, symbol);
    const bars = await history(symbol);
    assert.equal(bars.errmsg, undefined, symbol);
    assert.deepEqual(bars, await history(ticker), symbol);
  }
  for (
    const symbol of ["OKX:BTC/USDT:USDT", "ETHUSDT", "BTCUSDT.P", "OKX:FIL/USDT:USDT", ":", ":X"]
  ) {
    const { s, errmsg } = await udf(app, `symbols?symbol=${encodeURIComponent(symbol)}`);
    assert.deepEqual([s, /^Cannot find symbol/.test(errmsg)], ["error", true], symbol);
  }
});

Deno.test("udf search: by words, venue and type, best first", async () => {
  const app = await openOnce();
  const found = async (query: string) =>
    (await udf(app, `search?${query}`)).map((one: { ticker: string }) => one.ticker);
  assert.deepEqual(await found("query=btc&limit=10"), ["BINANCE:BTCUSDT", "OKX:BTCUSDT"]);
  assert.deepEqual(await found("query=btc&exchange=OKX"), ["OKX:BTCUSDT"]);
  assert.deepEqual(await found("query=ETH/U"), ["OKX:ETHUSDT.P"]);
  assert.deepEqual(await found("query=filusdt.p"), ["BINANCEUSDM:FILUSDT"]);
  assert.deepEqual(await found("query=&limit=1"), ["BINANCE:BTCUSDT"]);
  assert.deepEqual(await found("query=btc&type=stock"), []);
  const [first] = await udf(app, "search?query=eth");
  assert.deepEqual(first, {
    ...{ symbol: "ETHUSDT.P", full_name: "OKX:ETHUSDT.P", ticker: "OKX:ETHUSDT.P" },
    ...{ description: "ETH/USDT:USDT (okx)", exchange: "OKX", type: "crypto" },
  });
});

Deno.test("udf history: columns of numbers, times in seconds", async () => {
  const app = await openOnce();
  running = undefined;
  const query = `symbol=BTCUSDT&resolution=1&from=${S}&to=${S + 120}`;
  assert.deepEqual(await udf(app, `history?${query}`), {
    ...{ s: "ok", t: [S, S + 60], o: [10, 10], h: [12, 12], l: [9, 9], c: [10, 10.1], v: [5, 5] },
  });
});

const NO_DATA = "no_data";
const HISTORIES: readonly [query: string, found: unknown][] = [
  [`from=${S + 60}&to=${S + 240}`, [1, 2, 3]],
  [`from=${S + 61}&to=${S + 241}`, [2, 3, 4]],
  [`from=-99999&to=${S + 120}`, [0, 1]],
  // countback outranks from, and goes back across the hole
  [`from=${S + 480}&to=${S + 540}&countback=3`, [3, 4, 8]],
  [`from=${S}&to=${S + 720}&countback=2`, [10, 11]],
  [`to=${S + 720}&countback=2`, [10, 11]],
  // a hole with older bars before it, and the beginning of all
  [`from=${S + 300}&to=${S + 480}`, { s: NO_DATA, nextTime: S + 240 }],
  [`from=${S - 600}&to=${S}`, { s: NO_DATA }],
  [`from=${S - 600}&to=${S}&countback=10`, { s: NO_DATA }],
  [`from=${S + 99_999}&to=${S + 999_999}`, { s: NO_DATA, nextTime: S + 660 }],
];

Deno.test("udf history: chooses bars as charts expect it", async () => {
  const app = await openOnce();
  running = undefined;
  for (const [query, found] of HISTORIES) {
    assert.deepEqual(await minutesOf(app, query), found, query);
  }
});

Deno.test("udf history: resolutions that are made of minutes, D as 1D", async () => {
  const app = await openOnce();
  running = undefined;
  const bars = await udf(app, `history?symbol=BTCUSDT&resolution=5&from=${S}&to=${S + 900}`);
  // The one that runs shows as far as it is held where the venue says nothing.
  assert.deepEqual([bars.t, bars.v], [[S, S + 300, S + 600], [25, 10, 10]]);
  const days = await udf(app, `history?symbol=OKX:ETHUSDT.P&resolution=D&from=0&to=${S}`);
  assert.deepEqual([days.t, days.o, days.v], [[utc("2023-12-30") / 1_000], [10.25], [1.125]]);
});

Deno.test("udf history: the running bar is the last one", async () => {
  const app = await openOnce();
  running = at(12);
  const live = `to=${S + 13 * 60}&countback=2`;
  assert.deepEqual(await minutesOf(app, live), [11, 12]);
  assert.deepEqual(await minutesOf(app, `to=${S + 12 * 60}&countback=2`), [10, 11]);
});

Deno.test("udf history: of bars that open within one second one shows", async () => {
  const app = await openOnce();
  const { t, c } = await udf(
    app,
    `history?symbol=KRAKEN:LTCUSDT&resolution=1&from=0&to=${S + 60}`,
  );
  assert.deepEqual([t, c], [[S], [11.5]]);
});

const BAD: readonly [path: string, message: RegExp][] = [
  ["symbols", /symbol: required/],
  ["symbols?symbol=NOPE", /NOPE/],
  ["search?limit=many", /limit/],
  [`history?symbol=NOPE&resolution=1&from=0&to=${S}`, /NOPE/],
  [`history?symbol=BTCUSDT&resolution=7&from=0&to=${S}`, /resolution 7/],
  [`history?symbol=BTCUSDT&resolution=1S&from=0&to=${S}`, /resolution 1S/],
  [`history?symbol=BTCUSDT&from=0&to=${S}`, /resolution: required/],
  ["history?symbol=BTCUSDT&resolution=1&from=0", /to: expected/],
  [`history?symbol=BTCUSDT&resolution=1&to=${S}`, /from: expected/],
  [`history?symbol=BTCUSDT&resolution=1&to=${S}&countback=0`, /countback/],
  ["history?symbol=BTCUSDT&resolution=1&from=soon&to=1", /from/],
];

Deno.test("udf: bad input is an error in the body", async () => {
  const app = await openOnce();
  for (const [path, message] of BAD) {
    const body = await udf(app, path);
    assert.deepEqual(Object.keys(body), ["s", "errmsg"], path);
    assert.equal(body.s, "error", path);
    assert.match(body.errmsg, message);
  }
  const unknown = await app.ask("GET", "/udf/quotes");
  assert.deepEqual([unknown.status, (await unknown.json()).s], [404, "error"]);
});

Deno.test("udf: a symbol without candles has no data", async () => {
  const app = await openOnce();
  const query = `history?symbol=OKX:EMPTYUSDT&resolution=1&from=0&to=${S}`;
  assert.deepEqual(await udf(app, query), { s: "no_data" });
  assert.equal((await udf(app, "symbols?symbol=OKX:EMPTYUSDT")).pricescale, 10 ** 8);
});

Deno.test("udf: what is not the question's fault has its status, in the same shape", async () => {
  const app = await openApp({ settings: { marketData: "private" } });
  try {
    const response = await app.ask("GET", "/udf/config");
    assert.deepEqual([response.status, (await response.json()).s], [401, "error"]);
  } finally {
    await app.close();
  }
});
