import assert from "node:assert/strict";
import ccxt from "ccxt";
import { type ClientProgram, COUNT, startClientProgram } from "../support/client_program.ts";

const MINUTE = 60_000;
let opened: Promise<ClientProgram> | undefined;
const openOnce = () => opened ??= startClientProgram();
Deno.test.afterAll(async () => await (await opened)?.close());

/** As the README tells it. */
function connect({ address, wsAddress }: ClientProgram) {
  return new ccxt.pro.binance({
    urls: {
      api: {
        public: `${address}/compat/binance/api/v3`,
        ws: { spot: `${wsAddress}/compat/binance/ws` },
      },
    },
    options: { fetchMarkets: { types: ["spot"] } },
    enableRateLimit: false,
  });
}

/** Open time, prices and volume. */
function ohlcv(program: ClientProgram, openTime: number): readonly number[] {
  return program.expected(openTime).slice(0, 6).map(Number);
}

Deno.test("ccxt: pages through all candles from the first on", async () => {
  const program = await openOnce();
  const exchange = connect(program);
  const rows: number[][] = [];
  for (let since = 0;;) {
    const page = await exchange.fetchOHLCV("BTC/USDT", "1m", since, 1_000);
    rows.push(...page.map((row) => row.map(Number)));
    if (page.length < 1_000) break;
    since = (rows.at(-1)?.[0] ?? 0) + 1;
  }
  const times = Array.from({ length: COUNT }, (_, i) => program.start + i * MINUTE);
  assert.deepEqual(rows.slice(0, COUNT), times.map((time) => ohlcv(program, time)));
});

Deno.test("ccxt: gives markets, larger candles, the newest ones, tickers and the time", async () => {
  const program = await openOnce();
  const exchange = connect(program);
  const markets = await exchange.loadMarkets();
  const market = markets["BTC/USDT"];
  assert.deepEqual(Object.keys(markets), ["BTC/USDT"]);
  assert.deepEqual([market?.active, market?.spot, market?.precision.price], [true, true, 0.01]);
  const hours = await exchange.fetchOHLCV("BTC/USDT", "1h", program.start, 3);
  assert.deepEqual(
    hours.map(([time, , high]) => [time, high]),
    [0, 1, 2].map((hour) => [
      ...[program.start + hour * 60 * MINUTE, 130.25],
    ]),
  );
  const newest = await exchange.fetchOHLCV("BTC/USDT", "1m", undefined, 2);
  assert.deepEqual(newest, newest.map(([time]) => ohlcv(program, Number(time))));
  const { last } = await exchange.fetchTicker("BTC/USDT");
  assert.equal(last, newest.at(-1)?.[4]);
  assert.equal(Math.abs((await exchange.fetchTime() ?? 0) - Date.now()) < 60_000, true);
});

Deno.test("ccxt: failures are the ones that it knows", async () => {
  const exchange = connect(await openOnce());
  await exchange.loadMarkets();
  const unknown = exchange.publicGetKlines({ symbol: "XYZUSDT", interval: "1m" });
  await assert.rejects(unknown, ccxt.BadSymbol);
  const odd = exchange.publicGetKlines({ symbol: "BTCUSDT", interval: "7m" });
  await assert.rejects(odd, ccxt.BadRequest);
  await assert.rejects(exchange.publicGetDepth({ symbol: "BTCUSDT" }), ccxt.ExchangeError);
});

Deno.test("ccxt: too many requests are told as such", async () => {
  const program = await startClientProgram({ RATE_LIMITS: '{"market":3}' });
  try {
    const exchange = connect(program);
    const asked = Array.from({ length: 5 }, () => exchange.publicGetPing());
    const outcomes = await Promise.allSettled(asked);
    const failures = outcomes.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
    assert.deepEqual(failures.map((error) => error instanceof ccxt.DDoSProtection), [true, true]);
  } finally {
    await program.close();
  }
});

Deno.test("ccxt.pro: follows candles of several intervals as they are stored", async () => {
  const program = await openOnce();
  const exchange = connect(program);
  try {
    const [row = []] = await program.feedUntil(exchange.watchOHLCV("BTC/USDT", "1m"));
    assert.deepEqual(row, ohlcv(program, Number(row[0])));
    const hours = await program.feedUntil(exchange.watchOHLCVForSymbols([["BTC/USDT", "1h"]]));
    const [bar = []] = hours["BTC/USDT"]?.["1h"] ?? [];
    assert.deepEqual([Number(bar[0]) % (60 * MINUTE), bar[2]], [0, 130.25]);
    assert.equal(await exchange.unWatchOHLCV("BTC/USDT", "1m"), true);
  } finally {
    await exchange.close();
  }
});

Deno.test("ccxt.pro: a stream that is not there is told as such", async () => {
  const program = await openOnce();
  const exchange = connect(program);
  try {
    await assert.rejects(exchange.watchTrades("BTC/USDT"), ccxt.ExchangeError);
  } finally {
    await exchange.close();
  }
});
