import assert from "node:assert/strict";
import { systemClock } from "@/adapters/clock.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { hold } from "@/tests/support/hold.ts";
import { openRawSocket } from "@/tests/support/raw_socket.ts";
import { serveApp, type ServedApp } from "@/tests/support/served_app.ts";
import { openStream, type StreamClient } from "@/tests/support/stream_client.ts";

const WS = "/compat/binance/ws";

async function withApp(
  test: (app: ServedApp) => Promise<void>,
  changes: Parameters<typeof serveApp>[0] = {},
): Promise<void> {
  const app = await serveApp(changes);
  try {
    await hold(app, "binance:BTC/USDT:1m", [candle({ openTime: utc("2024-01-01") })]);
    await hold(app, "binance:ETH/USDT:1h", [candle({ openTime: utc("2024-01-01") })]);
    await test(app);
  } finally {
    await app.close();
  }
}

async function withClient(test: (client: StreamClient) => Promise<void>): Promise<void> {
  await withApp(async ({ wsUrl }) => {
    const client = await openStream(wsUrl(WS));
    await test(client);
    await client.close();
  });
}

/** More than 1,024: symbols may be written in small and in capital letters. */
function manyNames(): string[] {
  return ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "1d"].flatMap((interval) =>
    Array.from({ length: 128 }, (_, bits) => {
      const name = [..."btcusdt"].map((sign, i) => (bits >> i) & 1 ? sign.toUpperCase() : sign);
      return `${name.join("")}@kline_${interval}`;
    })
  );
}

const subscribe = (...params: unknown[]) => JSON.stringify({ method: "SUBSCRIBE", params, id: 7 });

const BAD: readonly [text: string, code: number, message: RegExp, id?: unknown][] = [
  ["", 3, /^Invalid JSON: /],
  ["{", 3, /^Invalid JSON: /],
  ["7", 2, /expected an object/],
  ["[]", 2, /expected an object/],
  ["{}", 2, /missing field `method`/, null],
  ['{"id":7}', 2, /missing field `method`/, 7],
  ['{"method":"BUY","id":7}', 2, /unknown variant `BUY`, expected one of `SUBSCRIBE`, /, 7],
  ['{"method":{},"id":7}', 2, /unknown variant/, 7],
  ['{"method":"SUBSCRIBE","params":[],"id":-1}', 2, /request ID must be an unsigned integer/],
  ['{"method":"SUBSCRIBE","params":[],"id":{}}', 2, /request ID must be an unsigned integer/],
  ['{"method":"SUBSCRIBE","id":7}', 2, /missing streams/, 7],
  ['{"method":"SUBSCRIBE","params":{},"id":7}', 2, /expected a sequence/, 7],
  [subscribe(1), 2, /stream name must be a string/, 7],
  [subscribe("btcusdt"), 2, /^Invalid request: invalid stream$/, 7],
  [subscribe("btcusdt@trade"), 2, /^Invalid request: invalid stream$/, 7],
  [subscribe("btcusdt@kline_1m@+08:00"), 2, /^Invalid request: invalid stream$/, 7],
  [subscribe("btcusdt@kline_7m"), -1120, /^Invalid interval\.$/, 7],
  [subscribe("ethusdt@kline_1m"), -1120, /^Invalid interval\.$/, 7],
  [subscribe("xyzusdt@kline_1m"), -1121, /^Invalid symbol\.$/, 7],
  [subscribe("btcusdt@kline_1m", "xyzusdt@kline_1m"), -1121, /^Invalid symbol\.$/, 7],
  ['{"method":"SET_PROPERTY","params":["combined",1],"id":7}', 1, /expected Boolean/, 7],
  ['{"method":"SET_PROPERTY","params":["color",true],"id":7}', 0, /^Unknown property$/, 7],
  ['{"method":"GET_PROPERTY","params":[],"id":7}', 2, /property name must be a string/, 7],
];

Deno.test("binance socket: each bad request has Binance's error and changes nothing", async () => {
  await withClient(async (client) => {
    for (const [text, code, message, id] of BAD) {
      client.send(text);
      const answer = await client.next();
      assert.deepEqual([answer.error?.code, answer.id], [code, id], text);
      assert.match(answer.error.msg, message);
    }
    const { result } = await client.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    assert.deepEqual(result, []);
  });
});

const REFUSED: readonly [path: string, status: number, code: number][] = [
  [`${WS}/btcusdt@trade`, 400, 2],
  [`${WS}/btcusdt@kline_7m`, 400, -1120],
  [`${WS}/btcusdt@kline_1m/xyzusdt@kline_1m`, 400, -1121],
  [`${WS}?timeUnit=SECOND`, 400, -1130],
  ["/compat/binance/stream?streams=nothing", 400, 2],
  ["/compat/binance/okx/ws/btcusdt@kline_1m", 400, -1130],
];

Deno.test("binance socket: an address with bad streams is refused before it opens", async () => {
  await withApp(async ({ httpUrl, wsUrl }) => {
    for (const [path, status, code] of REFUSED) {
      await assert.rejects(openStream(wsUrl(path)), Error, path);
      const response = await fetch(`${httpUrl}${path}`, { headers: { upgrade: "websocket" } });
      const { code: told } = await response.json();
      assert.deepEqual([response.status, told], [status, code], path);
    }
    const plain = await fetch(`${httpUrl}${WS}`);
    assert.deepEqual([plain.status, (await plain.json()).code], [426, -1020]);
  });
});

const CLOSED: readonly [
  what: string,
  act: (client: StreamClient) => void,
  code: number,
  reason: string,
][] = [
  ["bytes", (client) => client.send(new Uint8Array([1])), 1003, "Only text is understood"],
  ["a huge one", (client) => client.send(" ".repeat(70_000)), 1009, "Too large a request"],
  [
    "a flood",
    (client) => {
      for (let i = 0; i < 101; i++) client.send('{"method":"LIST_SUBSCRIPTIONS","id":1}');
    },
    1008,
    "Too many requests",
  ],
];

Deno.test("binance socket: requests that nobody means well end the connection", async () => {
  const now = Date.now();
  await withApp(async ({ wsUrl }) => {
    for (const [what, act, code, reason] of CLOSED) {
      const client = await openStream(wsUrl(WS));
      act(client);
      assert.deepEqual(await client.ended, { code, reason }, what);
    }
  }, { clock: { ...systemClock, now: () => now } });
});

Deno.test("binance socket: more streams than a connection may have are refused", async () => {
  await withClient(async (client) => {
    const names = manyNames();
    const { error } = await client.ask({ method: "SUBSCRIBE", params: names, id: 1 });
    assert.deepEqual(error, { code: 2, msg: "Invalid request: too many parameters" });
    const most = { method: "SUBSCRIBE", params: names.slice(0, 1_024), id: 2 };
    assert.deepEqual(await client.ask(most), { result: null, id: 2 });
    const more = { method: "SUBSCRIBE", params: names.slice(1_000, 1_025), id: 3 };
    assert.equal((await client.ask(more)).error.code, 2);
  });
});

Deno.test("binance socket: a client that does not read is given up, others go on", async () => {
  // Each look at the clock is a second later: the flood must come to the reader's limit, not to that of requests.
  let now = Date.now();
  const clock = { ...systemClock, now: () => now += 1_000 };
  await withApp(async (app) => {
    const slow = await openRawSocket(app.port, WS);
    const params = manyNames().slice(0, 1_024);
    await slow.send(JSON.stringify({ method: "SUBSCRIBE", params, id: 1 }));
    const list = '{"method":"LIST_SUBSCRIPTIONS","id":1}';
    // 20 kB an answer: more than what the system itself takes for a connection.
    for (let i = 0; i < 1_000; i++) await slow.send(list);
    const good = await openStream(app.wsUrl(WS));
    const { result } = await good.ask({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    assert.deepEqual(result, []);
    const { length } = await slow.frames();
    assert.equal(length < 900, true, `${length} frames came`);
    await good.close();
  }, { clock });
});
