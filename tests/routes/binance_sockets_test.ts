import assert from "node:assert/strict";
import { systemClock } from "@/adapters/clock.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { TOKENS } from "@/tests/support/app.ts";
import { candle } from "@/tests/support/candles.ts";
import { hold } from "@/tests/support/hold.ts";
import { openRawSocket } from "@/tests/support/raw_socket.ts";
import { serveApp, type ServedApp } from "@/tests/support/served_app.ts";
import { openStream, type StreamClient } from "@/tests/support/stream_client.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A full hour, some hours ago. */
const START = (Math.floor(Date.now() / HOUR) - 5) * HOUR;
const SERIES = "binance:BTC/USDT:1m";
const BASE = "/compat/binance";

let opened: Promise<ServedApp> | undefined;
const openOnce = () => opened ??= serveApp({ settings: { openCandle: false } });
Deno.test.afterAll(async () => await (await opened)?.close());

function at(minute: number, more: Partial<Candle> = {}): Candle {
  return candle({ openTime: START + minute * MINUTE, ...more });
}

async function withStream(
  { wsUrl }: ServedApp,
  path: string,
  test: (client: StreamClient) => Promise<void>,
): Promise<void> {
  const client = await openStream(wsUrl(path));
  try {
    await test(client);
  } finally {
    await client.close();
  }
}

/** Minute, close and whether it is closed. */
function told({ k }: { k: { t: number; c: string; x: boolean } }): unknown {
  return [(k.t - START) / MINUTE, k.c, k.x];
}

Deno.test("binance socket: a stored candle reaches who subscribed, in Binance's shape", async () => {
  const app = await openOnce();
  await hold(app, "binance:AAA/USDT:1m", [at(0)]);
  await withStream(app, `${BASE}/ws`, async (client) => {
    const request = { method: "SUBSCRIBE", params: ["aaausdt@kline_1m"], id: 1 };
    assert.deepEqual(await client.ask(request), { result: null, id: 1 });
    await hold(app, "binance:AAA/USDT:1m", [at(1, { tradesCount: 7, quoteVolume: "55.5" })]);
    const { E, ...message } = await client.next();
    assert.equal(Math.abs(E - Date.now()) < 60_000, true);
    const t = START + MINUTE;
    assert.deepEqual(message, {
      ...{ e: "kline", s: "AAAUSDT" },
      k: {
        ...{ t, T: t + MINUTE - 1, s: "AAAUSDT", i: "1m", f: -1, L: -1, o: "10", c: "11" },
        ...{ h: "12", l: "9", v: "5", n: 7, x: true, q: "55.5", V: "0", Q: "0", B: "0" },
      },
    });
  });
});

const ADDRESSES: readonly [path: string, series: string, stream: string | undefined][] = [
  [`${BASE}/ws/addr0usdt@kline_1m`, "binance:ADDR0/USDT:1m", undefined],
  [`${BASE}/ws/addr1usdt%40kline_1m/addr0usdt@kline_5m`, "binance:ADDR1/USDT:1m", undefined],
  [`${BASE}/stream?streams=addr2usdt@kline_1m`, "binance:ADDR2/USDT:1m", "addr2usdt@kline_1m"],
  [`${BASE}/okx/ws/addr3usdt@kline_1m`, "okx:ADDR3/USDT:1m", undefined],
  [`${BASE}/okx/stream?streams=addr4usdt@kline_1m`, "okx:ADDR4/USDT:1m", "addr4usdt@kline_1m"],
];

Deno.test("binance socket: addresses name streams, also of other venues", async () => {
  const app = await openOnce();
  for (const [, series] of ADDRESSES) await hold(app, series, [at(0)]);
  for (const [path, series, stream] of ADDRESSES) {
    await withStream(app, path, async (client) => {
      // An answer means that the streams of the address are followed.
      await client.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 });
      await hold(app, series, [at(1)]);
      const message = await client.next();
      assert.deepEqual(message.stream, stream, path);
      assert.deepEqual(told(message.data ?? message), [1, "11", true], path);
    });
  }
});

Deno.test("binance socket: numbered connections, as ccxt opens them, begin empty", async () => {
  const app = await openOnce();
  for (const path of ["/ws/0", `${BASE}/ws/0`, `${BASE}/ws/12`, `${BASE}/okx/ws/3`]) {
    await withStream(app, path, async (client) => {
      const answer = await client.ask({ method: "LIST_SUBSCRIPTIONS", id: "a" });
      assert.deepEqual(answer, { result: [], id: "a" }, path);
    });
  }
});

Deno.test("binance socket: a venue of which nothing is held is told to who subscribes", async () => {
  await withStream(await openOnce(), `${BASE}/nowhere/ws`, async (client) => {
    const { error } = await client.ask({
      ...{ method: "SUBSCRIBE", id: 1, params: ["btcusdt@kline_1m"] },
    });
    assert.equal(error.code, -1130);
    assert.match(error.msg, /Nothing of nowhere is held/);
  });
});

Deno.test("binance socket: requests are kept apart by their ids", async () => {
  const app = await openOnce();
  await hold(app, "binance:BBB/USDT:1m", [at(0)]);
  await withStream(app, `${BASE}/ws`, async (client) => {
    const ask = (method: string, id: unknown, params?: unknown[]) =>
      client.ask({ method, id, params });
    const [one, two] = ["bbbusdt@kline_1m", "BBBUSDT@kline_1h"];
    assert.deepEqual(await ask("SUBSCRIBE", 1, [one, two, one]), { result: null, id: 1 });
    assert.deepEqual(await ask("LIST_SUBSCRIPTIONS", 2), { result: [one, two], id: 2 });
    assert.deepEqual(await ask("UNSUBSCRIBE", 3, [two, "x@y"]), { result: null, id: 3 });
    assert.deepEqual(await ask("LIST_SUBSCRIPTIONS", "x"), { result: [one], id: "x" });
    assert.deepEqual(await ask("GET_PROPERTY", 5, ["combined"]), { result: false, id: 5 });
    assert.deepEqual(await ask("SET_PROPERTY", 6, ["combined", true]), { result: null, id: 6 });
    await hold(app, "binance:BBB/USDT:1m", [at(1)]);
    const { stream, data } = await client.next();
    assert.deepEqual([stream, told(data)], [one, [1, "11", true]]);
    assert.deepEqual(await ask("UNSUBSCRIBE", null, [one]), { result: null, id: null });
    await hold(app, "binance:BBB/USDT:1m", [at(2)]);
    client.send('{"method":"LIST_SUBSCRIPTIONS","id":8}');
    assert.deepEqual(await client.next(), { result: [], id: 8 });
  });
});

Deno.test("binance socket: a larger bar grows with each candle and closes with its last", async () => {
  const app = await openOnce();
  await hold(app, "binance:CCC/USDT:1m", [at(0), at(1), at(2)]);
  await withStream(app, `${BASE}/ws/cccusdt@kline_5m`, async (client) => {
    await client.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    const closes = async (minute: number, close: string) => {
      await hold(app, "binance:CCC/USDT:1m", [at(minute, { close })]);
      return told(await client.next());
    };
    assert.deepEqual(await closes(3, "10.3"), [0, "10.3", false]);
    assert.deepEqual(await closes(4, "10.4"), [0, "10.4", true]);
    assert.deepEqual(await closes(5, "10.5"), [5, "10.5", false]);
    // The last minutes of this bar never come: it closes as soon as that is known.
    assert.deepEqual(await closes(11, "11.5"), [5, "10.5", true]);
    assert.deepEqual(told(await client.next()), [10, "11.5", false]);
  });
});

Deno.test("binance socket: what is filled in behind the newest candle is not news", async () => {
  const app = await openOnce();
  await hold(app, "binance:DDD/USDT:1m", [at(10)]);
  await withStream(app, `${BASE}/ws/dddusdt@kline_1m`, async (client) => {
    await client.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    await hold(app, "binance:DDD/USDT:1m", [at(0), at(1)]);
    await hold(app, "binance:DDD/USDT:1m", [at(10, { close: "9.5" })]);
    await hold(app, "binance:DDD/USDT:1m", [at(11), at(12)]);
    assert.deepEqual(told(await client.next()), [11, "11", true]);
    assert.deepEqual(told(await client.next()), [12, "11", true]);
  });
});

Deno.test("binance socket: the running candle is told when it changes, where the setting wants it", async () => {
  let running = at(1, { close: "10.1" });
  const app = await serveApp({
    openCandles: { find: () => Promise.resolve({ closed: [], running }) },
    clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) },
  });
  try {
    await hold(app, SERIES, [at(0)]);
    await app.json("POST", "/api/v1/series", {
      ...{ as: "admin", json: { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } },
    });
    const path = `${BASE}/stream?streams=btcusdt@kline_1m/btcusdt@kline_1h`;
    await withStream(app, path, async (client) => {
      const news = async () => {
        const [one, two] = [await client.next(), await client.next()];
        return [one, two].map(({ stream, data }) => [stream, told(data)]);
      };
      const expected = (minute: number, close: string, closed = false) => [
        ["btcusdt@kline_1m", [minute, close, closed]],
        ["btcusdt@kline_1h", [0, close, false]],
      ];
      assert.deepEqual(await news(), expected(1, "10.1"));
      running = at(1, { close: "10.2" });
      assert.deepEqual(await news(), expected(1, "10.2"));
      running = at(1, { close: "10.3" });
      assert.deepEqual(await news(), expected(1, "10.3"));
      await hold(app, SERIES, [at(1, { close: "10.4" })]);
      assert.deepEqual(await news(), expected(1, "10.4", true));
    });
  } finally {
    await app.close();
  }
});

Deno.test("binance socket: the running candle comes after what has closed before it", async () => {
  const [closed, running] = [[at(1)], at(2, { close: "10.5" })];
  const clock = {
    now: () => START + 2 * MINUTE + 3_000,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal),
  };
  let asked = Promise.withResolvers<void>();
  const app = await serveApp({
    clock,
    openCandles: {
      find() {
        asked.resolve();
        return Promise.resolve({ closed, running });
      },
    },
  });
  try {
    await hold(app, SERIES, [at(0)]);
    await app.json("POST", "/api/v1/series", {
      ...{ as: "admin", json: { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } },
    });
    await withStream(app, `${BASE}/ws/btcusdt@kline_1m`, async (client) => {
      for (const _ of [1, 2]) {
        asked = Promise.withResolvers();
        await asked.promise;
      }
      await hold(app, SERIES, [at(1)]);
      assert.deepEqual(told(await client.next()), [1, "11", true]);
      assert.deepEqual(told(await client.next()), [2, "10.5", false]);
    });
  } finally {
    await app.close();
  }
});

Deno.test("binance socket: times in µs for those who ask", async () => {
  const app = await openOnce();
  await hold(app, "binance:EEE/USDT:1m", [at(0)]);
  const path = `${BASE}/ws/eeeusdt@kline_1m?timeUnit=microsecond`;
  await withStream(app, path, async (client) => {
    await client.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    await hold(app, "binance:EEE/USDT:1m", [at(1)]);
    const { k } = await client.next();
    const t = (START + MINUTE) * 1_000;
    assert.deepEqual([k.t, k.T], [t, t + MINUTE * 1_000 - 1]);
  });
});

Deno.test("binance socket: a stop of the service says so", async () => {
  const app = await serveApp();
  await hold(app, SERIES, [at(0)]);
  const client = await openStream(app.wsUrl(`${BASE}/ws/btcusdt@kline_1m`));
  app.stop();
  assert.deepEqual(await client.ended, { code: 1001, reason: "The service is stopping" });
  await assert.rejects(openStream(app.wsUrl(`${BASE}/ws`)));
  await app.close();
});

Deno.test("binance socket: a silent client is pinged, and given up when it does not answer", async () => {
  // Half of it is for the answer: a busy machine may need more than a moment.
  const app = await serveApp({ settings: { socketSilenceS: 4 } });
  try {
    const lively = await openStream(app.wsUrl(`${BASE}/ws`));
    const silent = await openRawSocket(app.port, `${BASE}/ws`);
    assert.deepEqual(await silent.frames(), [9, 8]);
    assert.deepEqual(await lively.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 }), {
      ...{ result: [], id: 1 },
    });
    await lively.close();
  } finally {
    await app.close();
  }
});

const PRIVATE: readonly [string, Parameters<typeof openStream>[1], boolean][] = [
  ["nobody", {}, false],
  ["a token nobody holds", { protocols: [`bearer.${TOKENS.stranger}`] }, false],
  ["a browser with its token", { protocols: ["x", `bearer.${TOKENS.reader}`] }, true],
  ["a bearer", { headers: { authorization: `Bearer ${TOKENS.reader}` } }, true],
  ["a Binance client with its key", { headers: { "x-mbx-apikey": TOKENS.reader } }, true],
];

Deno.test("binance socket: private data are for those who may read them", async () => {
  const app = await serveApp({ settings: { marketData: "private" } });
  try {
    for (const [who, options, allowed] of PRIVATE) {
      const opening = openStream(app.wsUrl(`${BASE}/ws`), options);
      if (allowed) await (await opening).close();
      else await assert.rejects(opening, Error, who);
    }
  } finally {
    await app.close();
  }
});
