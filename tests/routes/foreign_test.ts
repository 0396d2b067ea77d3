import assert from "node:assert/strict";
import { type ActorName, openApp, type TestApp } from "@/tests/support/app.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { hold } from "@/tests/support/hold.ts";

const FOREIGN = /^\/(compat\/|udf\/|write$|api\/v2\/write$|ws\/)/;
const ACTORS: readonly ActorName[] = ["guest", "stranger", "reader", "writer", "admin"];
const EVERYBODY = "200 401 200 200 200";
const READERS = "401 401 200 200 200";

const BINANCE = [
  ...["ping", "time", "exchangeInfo", "ticker/24hr", "ticker/price"],
  ...["klines?symbol=BTCUSDT&interval=1m", "uiKlines?symbol=BTCUSDT&interval=1m"],
];

/** Routes that read, each with its template in the OpenAPI document. */
const READS: readonly string[] = [
  ...BINANCE.map((name) => `/compat/binance/api/v3/${name}`),
  ...BINANCE.map((name) => `/compat/binance/{exchange}/api/v3/${name}`),
  ...["/udf/config", "/udf/time", "/udf/symbols?symbol=BTCUSDT", "/udf/search"],
  "/udf/history?symbol=BTCUSDT&resolution=1&from=0&to=1",
];

/** WebSockets: who may open one is told so when no socket is asked for. */
const SOCKETS: readonly string[] = [
  ...["/compat/binance", "/compat/binance/{exchange}"].flatMap((base) => [
    ...[`${base}/ws`, `${base}/ws/{streams}`, `${base}/stream`],
  ]),
  "/ws/{number}",
];

const WRITES: readonly string[] = ["/api/v2/write", "/write"];

async function openWith(marketData: "open" | "private"): Promise<TestApp> {
  const app = await openApp({ settings: { marketData } });
  await hold(app, "binance:BTC/USDT:1m", [candle({ openTime: utc("2024-01-01") })]);
  return app;
}

/** Statuses for guest, stranger, reader, writer and admin. */
async function statusesOf({ ask }: TestApp, method: string, path: string): Promise<string> {
  const statuses: number[] = [];
  for (const as of ACTORS) {
    const filled = path.replace("{exchange}", "binance").replace("{number}", "0")
      .replace("{streams}", "btcusdt@kline_1m");
    const response = await ask(method, filled, { as });
    await response.body?.cancel();
    statuses.push(response.status);
  }
  return statuses.join(" ");
}

for (const [marketData, statuses] of [["open", EVERYBODY], ["private", READERS]] as const) {
  Deno.test(`foreign routes: reads are for whom they should be while data are ${marketData}`, async () => {
    const app = await openWith(marketData);
    try {
      for (const path of READS) assert.equal(await statusesOf(app, "GET", path), statuses, path);
      const sockets = statuses.replaceAll("200", "426");
      for (const path of SOCKETS) assert.equal(await statusesOf(app, "GET", path), sockets, path);
    } finally {
      await app.close();
    }
  });
}

Deno.test("foreign routes: writes are for those who may", async () => {
  const app = await openWith("open");
  try {
    for (const path of WRITES) {
      assert.equal(await statusesOf(app, "POST", path), "401 401 403 204 204", path);
    }
  } finally {
    await app.close();
  }
});

Deno.test("foreign routes: the tables above name every one there is", async () => {
  const app = await openApp();
  try {
    const document = await (await app.ask("GET", "/openapi.json")).json();
    const described = Object.entries<Record<string, unknown>>(document.paths)
      .filter(([path]) => FOREIGN.test(path))
      .flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
    const tabled = [
      ...[...READS, ...SOCKETS].map((path) => `get ${path.split("?")[0]}`),
      ...WRITES.map((path) => `post ${path}`),
    ];
    assert.deepEqual(tabled.toSorted(), described.toSorted());
  } finally {
    await app.close();
  }
});
