import assert from "node:assert/strict";
import type { Candle } from "@/domain/klines/candle.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { hold } from "@/tests/support/hold.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithCandles();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = utc("2024-01-01");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 86_400_000;
const NOW = START + 3 * 86_400_000;
const V3 = "/compat/binance/api/v3";
const KRAKEN = "/compat/binance/kraken/api/v3";

/** Minutes of binance's BTC/USDT with 5 missing, one candle of ETH/USDT, okx's spot and swap. */
async function openWithCandles(): Promise<TestApp> {
  const app = await openApp({ clock: fakeClock(NOW) });
  const minutes = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11];
  await hold(app, "binance:BTC/USDT:1m", minutes.map(at));
  await hold(app, "binance:ETH/USDT:1m", [
    {
      ...at(0),
      quoteVolume: "33.3",
      tradesCount: 7,
      takerBuyVolume: "1",
      takerBuyQuoteVolume: "9",
    },
  ]);
  await hold(app, "okx:BTC/USDT:1m", [at(1)]);
  await hold(app, "okx:BTC/USDT:USDT:1m", [at(2)]);
  await hold(app, "okx:EMPTY/USDT:1m", []);
  return app;
}

function at(minute: number): Candle {
  return candle({
    openTime: START + minute * MINUTE,
    open: `${100 + minute}.1`,
    high: `${102 + minute}`,
    low: "99",
    close: `${101 + minute}`,
    volume: "0.5",
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Awaited<ReturnType<Response["json"]>>;
}

async function get({ ask }: TestApp, path: string, headers = {}): Promise<Answer> {
  const response = await ask("GET", path.startsWith("/") ? path : `${V3}/${path}`, { headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** Minutes since the start of each row's open time. */
async function minutesOf(app: TestApp, query: string): Promise<number[]> {
  const { body, status } = await get(app, `klines?symbol=BTCUSDT&interval=1m&${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.map(([openTime]: [number]) => (openTime - START) / MINUTE);
}

Deno.test("binance: ping and time", async () => {
  const app = await openOnce();
  assert.deepEqual((await get(app, "ping")).body, {});
  assert.deepEqual((await get(app, "time")).body, { serverTime: NOW });
});

Deno.test("binance klines: twelve columns, prices as text, zero for what is not known", async () => {
  const app = await openOnce();
  const plain = await get(app, "klines?symbol=BTCUSDT&interval=1m&limit=1&startTime=0");
  const end = START + MINUTE - 1;
  assert.deepEqual(plain.body, [
    [START, "100.1", "102", "99", "101", "0.5", end, "0", 0, "0", "0", "0"],
  ]);
  const whole = await get(app, "uiKlines?symbol=ETHUSDT&interval=1m");
  assert.deepEqual(whole.body[0].slice(6), [end, "33.3", 7, "1", "9", "0"]);
});

const RANGES: readonly [query: string, minutes: number[]][] = [
  ["limit=3", [9, 10, 11]],
  ["startTime=0&limit=3", [0, 1, 2]],
  [`startTime=${START + 3 * MINUTE}&limit=4`, [3, 4, 6, 7]],
  [`startTime=${START + 3 * MINUTE + 1}&limit=1`, [4]],
  [`endTime=${START + 4 * MINUTE}&limit=2`, [3, 4]],
  [`endTime=${START + 5 * MINUTE}&limit=2`, [3, 4]],
  [`startTime=${START + MINUTE}&endTime=${START + 3 * MINUTE}`, [1, 2, 3]],
  [`startTime=${START + MINUTE}&endTime=${START + 9 * MINUTE}&limit=2`, [1, 2]],
  [`startTime=${(START + MINUTE) * 1000}&endTime=${(START + 2 * MINUTE) * 1000}`, [1, 2]],
  [`startTime=${(START + MINUTE) * 1000 + 1}&limit=1`, [2]],
  [`startTime=${START + 3 * MINUTE}&endTime=${START}`, []],
  ["startTime=99999999999999999999", []],
  ["limit=1500", [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]],
];

Deno.test("binance klines: bounds choose as Binance's do, pages are full across gaps", async () => {
  const app = await openOnce();
  for (const [query, minutes] of RANGES) {
    assert.deepEqual(await minutesOf(app, query), minutes, query);
  }
});

Deno.test("binance klines: larger intervals are made of what is stored", async () => {
  const app = await openOnce();
  const { body } = await get(app, "klines?symbol=BTCUSDT&interval=5m&startTime=0");
  const short = body.map((
    [t, o, h, , c]: [number, string, string, string, string],
  ) => [t - START, o, h, c]);
  assert.deepEqual(short, [[0, "100.1", "106", "105"], [5 * MINUTE, "106.1", "111", "110"]]);
});

Deno.test("binance klines: times in microseconds where the header asks for them", async () => {
  const app = await openOnce();
  const { body } = await get(app, "klines?symbol=ETHUSDT&interval=1m", {
    "x-mbx-time-unit": "MICROSECOND",
  });
  assert.deepEqual([body[0][0], body[0][6]], [START * 1000, (START + MINUTE) * 1000 - 1]);
});

Deno.test("binance: every time is in the unit that the header asks for, which must be one", async () => {
  const app = await openOnce();
  const unit = { "x-mbx-time-unit": "microsecond" };
  assert.deepEqual((await get(app, "time", unit)).body, { serverTime: NOW * 1000 });
  assert.equal((await get(app, "exchangeInfo", unit)).body.serverTime, NOW * 1000);
  const { body } = await get(app, "ticker/24hr?symbol=BTCUSDT&type=MINI", unit);
  const end = START + 12 * MINUTE;
  assert.deepEqual([body.openTime, body.closeTime], [(end - DAY) * 1000, end * 1000 - 1]);
  for (const path of ["ping", "time", "exchangeInfo", "ticker/24hr", "ticker/price"]) {
    const refused = await get(app, path, { "x-mbx-time-unit": "FORTNIGHT" });
    assert.deepEqual([refused.status, refused.body.code], [400, -1130], path);
  }
});

Deno.test("binance klines: bars open by the clocks of a time zone, startTime and endTime are UTC", async () => {
  const app = await openOnce();
  // 00:00 UTC of 1 January until 00:00 of the 3rd.
  await hold(
    app,
    "kraken:TZ/USDT:30m",
    Array.from({ length: 96 }, (_, n) => ({ ...at(n), openTime: START + n * 30 * MINUTE })),
  );
  const bars = async (query: string) => {
    const { body } = await get(app, `${KRAKEN}/klines?symbol=TZUSDT&${query}`);
    return body.map?.(([open, first, , , , volume, close]: unknown[]) => [
      (Number(open) - START) / HOUR,
      ...[first, volume, (Number(close) + 1 - START) / HOUR],
    ]) ?? body.code;
  };
  // A day that has not all of its time is there like any other; the last one is not over.
  assert.deepEqual(await bars("interval=1d&timeZone=8"), [
    [-8, "100.1", "16", 16],
    [16, "132.1", "24", 40],
  ]);
  assert.deepEqual(await bars("interval=1d&timeZone=-3:30"), [
    [-20.5, "100.1", "3.5", 3.5],
    [3.5, "107.1", "24", 27.5],
  ]);
  assert.deepEqual(await bars("interval=12h&timeZone=5:30&limit=2"), [
    [18.5, "137.1", "12", 30.5],
    [30.5, "161.1", "12", 42.5],
  ]);
  assert.deepEqual(await bars(`interval=1d&timeZone=8&startTime=${START}`), [
    [16, "132.1", "24", 40],
  ]);
  assert.deepEqual(await bars(`interval=1d&timeZone=8&endTime=${START}`), [[
    -8,
    "100.1",
    "16",
    16,
  ]]);
});

Deno.test("binance klines: a time zone is refused where no smaller bars are held that fit it", async () => {
  const app = await openOnce();
  assert.deepEqual(await minutesOf(app, "limit=1&timeZone=5:45"), [11]);
  assert.deepEqual(await minutesOf(app, "limit=1&timeZone=-3"), [11]);
  const days = Array.from({ length: 70 }, (_, n) => ({ ...at(n), openTime: START - n * DAY }));
  await hold(app, "kraken:TD/USDT:1d", days.toReversed());
  for (
    const query of ["interval=1d&timeZone=8", "interval=1w&timeZone=1", "interval=1M&timeZone=-1"]
  ) {
    const { status, body } = await get(app, `${KRAKEN}/klines?symbol=TDUSDT&${query}`);
    assert.deepEqual([status, body.code], [400, -1130], query);
  }
  const { body } = await get(
    app,
    `${KRAKEN}/klines?symbol=TDUSDT&interval=1w&timeZone=0:00&limit=1`,
  );
  assert.equal(body.length, 1);
});

Deno.test("binance: other venues under their own base, contracts beside spot", async () => {
  const app = await openOnce();
  const okx = "/compat/binance/okx/api/v3";
  const spot = await get(app, `${okx}/klines?symbol=BTCUSDT&interval=1m`);
  assert.deepEqual(spot.body.map(([t]: [number]) => t), [START + MINUTE]);
  const swap = await get(app, `${okx}/klines?symbol=BTCUSDT.P&interval=1m`);
  assert.deepEqual(swap.body.map(([t]: [number]) => t), [START + 2 * MINUTE]);
});

Deno.test("binance: a contract is found with .P, also where it is written without", async () => {
  const app = await openOnce();
  const futures = "/compat/binance/binanceusdm/api/v3";
  await hold(app, "binanceusdm:FIL/USDT:USDT:1m", [at(3)]);
  for (const symbol of ["FILUSDT", "FILUSDT.P"]) {
    const { body } = await get(app, `${futures}/klines?symbol=${symbol}&interval=1m`);
    assert.deepEqual(body.map(([t]: [number]) => t), [START + 3 * MINUTE], symbol);
    const price = { symbol: "FILUSDT", price: "104" };
    assert.deepEqual((await get(app, `${futures}/ticker/price?symbol=${symbol}`)).body, price);
  }
  const both = encodeURIComponent('["FILUSDT.P","FILUSDT"]');
  const { body } = await get(app, `${futures}/exchangeInfo?symbols=${both}`);
  assert.deepEqual(body.symbols.map((s: { symbol: string }) => s.symbol), ["FILUSDT"]);
  assert.equal((await get(app, "klines?symbol=BTCUSDT.P&interval=1m")).body.code, -1121);
});

Deno.test("binance: a symbol without candles has no price: invalid by itself, left out of lists", async () => {
  const app = await openOnce();
  const okx = "/compat/binance/okx/api/v3";
  const both = `symbols=${encodeURIComponent('["EMPTYUSDT","BTCUSDT"]')}`;
  for (const name of ["ticker/price", "ticker/24hr", "ticker/24hr?type=MINI"]) {
    const path = `${okx}/${name}${name.includes("?") ? "&" : "?"}`;
    const one = await get(app, `${path}symbol=EMPTYUSDT`);
    assert.deepEqual([one.status, one.body.code], [400, -1121], name);
    const symbols = async (query: string) =>
      (await get(app, `${path}${query}`)).body.map((t: { symbol: string }) => t.symbol);
    assert.deepEqual(await symbols(both), ["BTCUSDT"], name);
    assert.deepEqual((await symbols("")).toSorted(), ["BTCUSDT", "BTCUSDT.P"], name);
  }
  assert.deepEqual((await get(app, `${okx}/klines?symbol=EMPTYUSDT&interval=1m`)).body, []);
});

const OF_A_VENUE = [
  ...["exchangeInfo", "exchangeInfo?symbol=BTCUSDT", "klines?symbol=BTCUSDT&interval=1m"],
  ...["ticker/price", "ticker/24hr?symbol=BTCUSDT"],
];

Deno.test("binance: a venue of which nothing is held is no empty one, and those that are are told", async () => {
  const app = await openOnce();
  const nowhere = "/compat/binance/nowhere";
  const told =
    /'exchange' is not valid\. Nothing of nowhere is held; held are binance, (binanceusdm, )?(kraken, )?okx\.$/;
  for (const path of [...OF_A_VENUE.map((one) => `api/v3/${one}`), "ws/btcusdt@kline_1m"]) {
    const headers = path.startsWith("ws") ? { upgrade: "websocket" } : {};
    const { status, body } = await get(app, `${nowhere}/${path}`, headers);
    assert.deepEqual([status, body.code], [400, -1130], path);
    assert.match(body.msg, told);
  }
  assert.deepEqual((await get(app, `${nowhere}/api/v3/ping`)).body, {});
  const empty = await openApp();
  try {
    assert.deepEqual((await get(empty, "exchangeInfo")).body.symbols, []);
    const { body } = await get(empty, "/compat/binance/okx/api/v3/exchangeInfo");
    assert.match(body.msg, /Nothing of okx is held, nor of any other venue\.$/);
  } finally {
    await empty.close();
  }
});

Deno.test("binance exchangeInfo: symbols with the steps their candles take", async () => {
  const app = await openOnce();
  const { body } = await get(app, "exchangeInfo");
  const [btc, eth] = body.symbols;
  assert.deepEqual([btc.symbol, eth.symbol, body.symbols.length], ["BTCUSDT", "ETHUSDT", 2]);
  assert.deepEqual([btc.status, btc.baseAsset, btc.quoteAsset], ["TRADING", "BTC", "USDT"]);
  const filters = Object.fromEntries(
    btc.filters.map((one: { filterType: string }) => [one.filterType, one]),
  );
  assert.equal(filters.PRICE_FILTER.tickSize, "0.10000000");
  assert.equal(filters.LOT_SIZE.stepSize, "0.10000000");
  const one = await get(app, "exchangeInfo?symbol=ETHUSDT");
  assert.deepEqual(one.body.symbols.map((s: { symbol: string }) => s.symbol), ["ETHUSDT"]);
  const some = await get(app, `exchangeInfo?symbols=${encodeURIComponent('["BTCUSDT"]')}`);
  assert.deepEqual(some.body.symbols.map((s: { symbol: string }) => s.symbol), ["BTCUSDT"]);
});

Deno.test("binance exchangeInfo: symbolStatus and permissions choose among all symbols", async () => {
  const app = await openOnce();
  const found = async (query: string) =>
    (await get(app, `exchangeInfo?${query}`)).body.symbols.length;
  for (const all of ["symbolStatus=TRADING", "permissions=SPOT", 'permissions=["MARGIN","SPOT"]']) {
    assert.equal(await found(all), 2, all);
  }
  for (const none of ["symbolStatus=BREAK", "symbolStatus=HALT", "permissions=MARGIN"]) {
    assert.equal(await found(none), 0, none);
  }
});

Deno.test("binance tickers: of one symbol an object, of all a list", async () => {
  const app = await openOnce();
  const { body } = await get(app, "ticker/24hr?symbol=BTCUSDT");
  assert.deepEqual(
    [body.openPrice, body.highPrice, body.lowPrice, body.lastPrice, body.volume],
    ["100.1", "113", "99", "112", "5.5"],
  );
  assert.deepEqual([body.priceChange, body.priceChangePercent], ["11.9", "11.888"]);
  assert.equal(body.closeTime, START + 12 * MINUTE - 1);
  const all = await get(app, "ticker/24hr?type=MINI");
  assert.deepEqual(all.body.map((t: { symbol: string }) => t.symbol), ["BTCUSDT", "ETHUSDT"]);
  assert.equal("bidPrice" in all.body[0], false);
  assert.deepEqual((await get(app, "ticker/price?symbol=BTCUSDT")).body, {
    ...{ symbol: "BTCUSDT", price: "112" },
  });
  assert.equal((await get(app, "ticker/price")).body.length, 2);
});

const BAD: readonly [path: string, status: number, code: number][] = [
  ["klines?interval=1m", 400, -1102],
  ["klines?symbol=BTCUSDT", 400, -1102],
  ["klines?symbol=&interval=1m", 400, -1102],
  ["klines?symbol=BTCUSDC&interval=1m", 400, -1121],
  ["klines?symbol=btcusdt&interval=1m", 400, -1100],
  ["klines?symbol=BTC/USDT&interval=1m", 400, -1100],
  ["klines?symbol=BTCUSDT&interval=2m", 400, -1120],
  ["klines?symbol=BTCUSDT&interval=1s", 400, -1120],
  ["klines?symbol=BTCUSDT&interval=1H", 400, -1120],
  ["klines?symbol=BTCUSDT&interval=1m&limit=0", 400, -1130],
  ["klines?symbol=BTCUSDT&interval=1m&limit=-1", 400, -1100],
  ["klines?symbol=BTCUSDT&interval=1m&startTime=soon", 400, -1100],
  ["klines?symbol=BTCUSDT&interval=1m&interval=1m", 400, -1101],
  ["klines?symbol=BTCUSDT&interval=1m&timeZone=15", 400, -1100],
  ["exchangeInfo?symbol=NOPE", 400, -1121],
  ["exchangeInfo?symbols=[]", 400, -1100],
  ["exchangeInfo?symbols=BTCUSDT", 400, -1100],
  ["exchangeInfo?symbol=BTCUSDT&symbols=%5B%22BTCUSDT%22%5D", 400, -1128],
  ["exchangeInfo?symbol=BTCUSDT&permissions=SPOT", 400, -1128],
  ["exchangeInfo?symbols=%5B%22BTCUSDT%22%5D&symbolStatus=TRADING", 400, -1128],
  ["exchangeInfo?symbolStatus=OPEN", 400, -1130],
  ["exchangeInfo?permissions=spot", 400, -1100],
  ["exchangeInfo?permissions=%5B%5D", 400, -1100],
  ["ticker/24hr?symbol=BTCUSDT&type=HUGE", 400, -1130],
  ["depth?symbol=BTCUSDT", 404, -1020],
  ["/compat/binance", 404, -1020],
];

Deno.test("binance: bad input gets a code of Binance's", async () => {
  const app = await openOnce();
  for (const [path, status, code] of BAD) {
    const answer = await get(app, path);
    assert.deepEqual([answer.status, answer.body.code], [status, code], path);
    assert.deepEqual(Object.keys(answer.body), ["code", "msg"], path);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
  }
  const post = await app.ask("POST", `${V3}/order`, { json: {} });
  assert.deepEqual([post.status, (await post.json()).code], [404, -1020]);
});

Deno.test("binance: pages of other origins may read, and ask beforehand", async () => {
  const app = await openOnce();
  const { headers } = await get(app, "ping");
  assert.equal(headers.get("access-control-allow-origin"), "*");
  const preflight = await app.ask("OPTIONS", `${V3}/klines`);
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [
    ...[204, "*"],
  ]);
});

Deno.test("binance: requests are weighed, and too many get -1003 with the time to wait", async () => {
  const rateLimits = { auth: 0, lab: 0, write: 0, market: 2 };
  const app = await openApp({ settings: { rateLimits }, clock: fakeClock(NOW) });
  try {
    const used: (string | null)[] = [];
    for (let i = 0; i < 2; i++) {
      used.push((await get(app, "ping")).headers.get("x-mbx-used-weight-1m"));
    }
    assert.deepEqual(used, ["1", "2"]);
    const { status, body, headers } = await get(app, "ping");
    assert.deepEqual([status, body.code, headers.get("retry-after")], [429, -1003, "30"]);
    assert.equal(headers.get("x-mbx-used-weight-1m"), "2");
  } finally {
    await app.close();
  }
});

Deno.test("binance: private market data want a token, as a bearer's or as an API key", async () => {
  const app = await openApp({ settings: { marketData: "private" } });
  try {
    const guest = await get(app, "ping");
    assert.deepEqual([guest.status, guest.body.code], [401, -2014]);
    assert.equal((await app.ask("GET", `${V3}/ping`, { as: "reader" })).status, 200);
    const headers = { "x-mbx-apikey": "token-of-a-reader" };
    assert.equal((await get(app, "ping", headers)).status, 200);
    assert.equal((await get(app, "ping", { "x-mbx-apikey": "unknown" })).status, 401);
  } finally {
    await app.close();
  }
});

Deno.test("binance: an API key of Binance's own is not looked at while data are open", async () => {
  const app = await openOnce();
  assert.equal((await get(app, "ping", { "x-mbx-apikey": "vmPUZE6mv9SD5VNHk4" })).status, 200);
});
