import assert from "node:assert/strict";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { AppDeps } from "@/routes/app_deps.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
let lagging: Promise<TestApp> | undefined;
let alone: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp({ venues: WILLING });
const openLagging = () => lagging ??= openApp(LAGGING);
const openAlone = () => alone ??= openApp({ venues: UNREACHABLE });
Deno.test.afterAll(async () => {
  for (const app of [opened, lagging, alone]) await (await app)?.close();
});

const YEAR = Date.UTC(2021, 0, 1);
const as = "admin" as const;

/** Read models that have heard of nothing yet. */
const LAGGING: Pick<AppDeps, "series" | "projections"> = {
  series: {
    ...{ list: () => Promise.resolve([]), find: () => Promise.resolve(undefined) },
    ...{ gaps: () => Promise.resolve([]), watched: () => Promise.resolve([]) },
    lastError: () => Promise.resolve(undefined),
    coverage: () => Promise.resolve({ held: [], absent: [], keptOut: [] }),
  },
  projections: {
    ...{ waitFor: () => Promise.resolve(false), status: () => Promise.resolve([]) },
    ...{ ready: () => true, revision: () => 1, onApplied() {} },
  },
};

/** Knows kraken and whatever symbol it is asked for but one, which it calls by another name. */
const WILLING: AppDeps["venues"] = {
  ...{ isSimulated: () => false, ids: () => Promise.resolve(["kraken"]) },
  require: (exchange) =>
    exchange === "kraken"
      ? Promise.resolve()
      : Promise.reject(new Refusal("not_found", `Cannot find exchange ${exchange}`)),
  async resolveSymbol(exchange, symbol) {
    await WILLING.require(exchange);
    if (symbol === "GONE/USDT") throw new Refusal("not_found", `Cannot find ${symbol} at kraken`);
    return symbol === "XBT/USDT" ? "BTC/USDT" : symbol;
  },
};

const UNREACHABLE: AppDeps["venues"] = {
  isSimulated: () => false,
  ids: () => Promise.resolve([]),
  require: () => Promise.resolve(),
  resolveSymbol: (exchange) =>
    Promise.reject(
      new AdapterError(`Cannot reach ${exchange}`, {
        ...{ port: "exchange", op: "resolveSymbol", retryable: true },
      }),
    ),
};

let made = 0;

/** Posts a series of its own for each test. */
function poster(app: TestApp) {
  const symbol = `W${++made}/USDT`;
  const id = `kraken.W${made}-USDT.1m`;
  return {
    id,
    post: (change: Record<string, unknown>) =>
      app.json("POST", "/api/v1/series", {
        ...{ as, json: { exchange: "kraken", symbol, interval: "1m", watch: false, ...change } },
      }),
    async types(): Promise<string[]> {
      const { events } = await app.house.store.readStream(`series-${id}`);
      return events.map(({ type }) => type);
    },
  };
}

Deno.test("POST series: 201 when it was made, 200 when it was there", async () => {
  const { post } = poster(await openOnce());
  assert.equal((await post({})).status, 201);
  assert.equal((await post({})).status, 200);
});

Deno.test("series: an Idempotency-Key of a request that changed nothing takes no other one", async () => {
  const app = await openOnce();
  const { post, types, id } = poster(app);
  await post({});
  const headers = { "idempotency-key": `nothing-${id}` };
  const body = {
    exchange: "kraken",
    symbol: id.split(".")[1]?.replace("-", "/"),
    interval: "1m",
    watch: false,
  };
  const postKeyed = (change: Record<string, unknown>) =>
    app.json("POST", "/api/v1/series", { as, headers, json: { ...body, ...change } });
  const remove = (query: string) =>
    app.json("DELETE", `/api/v1/series/${id}${query}`, { as, headers });
  for (
    const [first, other] of [
      [() => postKeyed({}), () => postKeyed({ watch: true, history_start: YEAR })],
      [() => remove(""), () => remove("?purge=true")],
    ] as const
  ) {
    assert.equal((await first()).status, 200);
    const { status, error } = await other();
    assert.deepEqual([status, error?.field], [422, "Idempotency-Key"]);
    // The same again is the same.
    assert.equal((await first()).status, 200);
  }
  assert.deepEqual(await types(), ["SeriesAdded"]);
});

Deno.test("POST series: a key is still free after a request that was refused", async () => {
  const app = await openOnce();
  const { id } = poster(app);
  const headers = { "idempotency-key": `refused-${id}` };
  const symbol = id.split(".")[1]?.replace("-", "/");
  const json = { exchange: "kraken", symbol, interval: "1m", watch: false };
  const future = { ...json, history_start: Date.now() + 1e9 };
  const status = async (json: unknown) =>
    (await app.json("POST", "/api/v1/series", { as, headers, json })).status;
  assert.deepEqual([await status(future), await status(json)], [422, 201]);
});

Deno.test("POST series: keeps a history start without watching, and watching keeps it", async () => {
  const app = await openOnce();
  const { post, types, id } = poster(app);
  const { data } = await post({ history_start: "2021-01-01" });
  assert.deepEqual([data.watched, data.history_start], [false, YEAR]);
  assert.deepEqual((await app.json("GET", `/api/v1/series/${id}`)).data, data);
  assert.equal((await post({})).data.history_start, YEAR);
  await post({ history_start: YEAR });
  assert.deepEqual(await types(), ["SeriesAdded", "SeriesHistoryStartSet"]);
  const watched = await post({ watch: true });
  assert.deepEqual([watched.data.watched, watched.data.history_start], [true, YEAR]);
  assert.deepEqual((await types()).slice(2), ["SeriesWatched"]);
});

Deno.test("POST series: `watch: false` stops watching, once, and keeps the history start", async () => {
  const { post, types } = poster(await openOnce());
  await post({});
  await post({ watch: true, history_start: YEAR });
  for (const _ of [1, 2]) {
    const { status, data } = await post({ watch: false });
    assert.deepEqual([status, data.watched, data.history_start], [200, false, YEAR]);
  }
  assert.deepEqual(await types(), ["SeriesAdded", "SeriesWatched", "SeriesUnwatched"]);
});

Deno.test("POST series: a history that begins in the future is refused", async () => {
  const { post, types } = poster(await openOnce());
  for (const watch of [true, false]) {
    const { status, error } = await post({ watch, history_start: Date.now() + 60_000 });
    assert.deepEqual([status, error.field], [422, "history_start"]);
  }
  assert.deepEqual(await types(), []);
});

Deno.test("POST series: an exchange that nobody knows is 404 with what is near, watched or not", async () => {
  const app = await openOnce();
  const head = await app.house.store.head();
  for (const watch of [true, false]) {
    const json = { exchange: "krakem", symbol: "BTC/USDT", interval: "1m", watch };
    const { status, error } = await app.json("POST", "/api/v1/series", { as, json });
    assert.deepEqual([status, error.message], [404, "Cannot find exchange krakem"]);
  }
  assert.equal(await app.house.store.head(), head);
});

Deno.test("POST series: the venue is asked when one that is held is to be watched", async () => {
  const app = await openOnce();
  const post = (symbol: string, watch: boolean) => {
    const json = { exchange: "kraken", symbol, interval: "1m", watch };
    return app.json("POST", "/api/v1/series", { as, json });
  };
  for (const symbol of ["GONE/USDT", "XBT/USDT"]) {
    assert.equal((await post(symbol, false)).status, 201, "candles may be imported into it");
  }
  const gone = await post("GONE/USDT", true);
  assert.deepEqual([gone.status, gone.error.message], [404, "Cannot find GONE/USDT at kraken"]);
  const named = await post("XBT/USDT", true);
  assert.deepEqual([named.status, named.data.id, named.data.watched], [
    ...[201, "kraken.BTC-USDT.1m", true],
  ]);
  assert.equal((await post("XBT/USDT", false)).data.watched, false);
});

Deno.test("POST series: shows what was decided while reads lag behind", async () => {
  const app = await openLagging();
  const json = { exchange: "kraken", symbol: "BTC/USDT", interval: "1m", history_start: YEAR };
  const first = await app.json("POST", "/api/v1/series", { as, json });
  assert.deepEqual([first.status, first.meta.visible], [201, false]);
  assert.deepEqual([first.data.watched, first.data.history_start], [true, YEAR]);
  const { history_start: _, ...same } = json;
  const again = await app.json("POST", "/api/v1/series", { as, json: same });
  assert.deepEqual([again.status, again.data.history_start], [200, YEAR]);
  const stopped = await app.json("POST", "/api/v1/series", { as, json: { ...same, watch: false } });
  assert.deepEqual([stopped.data.watched, stopped.data.history_start], [false, YEAR]);
  const { events } = await app.house.store.readStream("series-kraken.BTC-USDT.1m");
  const types = events.map(({ type }) => type);
  assert.deepEqual(types, ["SeriesAdded", "SeriesWatched", "SeriesUnwatched"]);
});

Deno.test("series: one that was added is found before the read models have heard of it", async () => {
  const app = await openLagging();
  const { post, id } = poster(app);
  await post({ history_start: YEAR });
  const [, symbol = ""] = id.split(".");
  const query = `exchange=kraken&symbol=${symbol.replace("-", "/")}&interval=1m`;
  const klines = await app.json("GET", `/api/v1/klines?${query}`);
  assert.deepEqual([klines.status, klines.data, klines.meta.series_id], [200, [], id]);
  const got = await app.json("GET", `/api/v1/series/${id}`);
  assert.deepEqual([got.status, got.data.history_start], [200, YEAR]);
  assert.equal((await app.json("GET", `/api/v1/series/${id}/gaps`)).status, 200);
  const body = "1704067200000,1,2,0.5,1.5,3\n";
  const headers = { "content-type": "text/csv" };
  const put = await app.json("POST", `/api/v1/series/${id}/klines`, { as, body, headers });
  assert.deepEqual([put.status, put.data.ingested], [200, 1]);
  const crawl = await app.json("POST", "/admin/crawl", { as, json: { series: id } });
  assert.equal(crawl.status, 202);
  const stopped = await app.json("DELETE", `/api/v1/series/${id}`, { as });
  assert.deepEqual([stopped.status, stopped.data.watched], [200, false]);
  assert.equal((await app.json("GET", "/api/v1/series/kraken.NO-USDT.1m")).status, 404);
});

const PLAIN: readonly [asked: string, exchange: string, symbol: string][] = [
  ["BTC/USDT", "okx", "BTC/USDT"],
  ["ETHUSDT", "okx", "ETH/USDT"],
  ["SOL-USDT-SWAP", "okx", "SOL/USDT:USDT"],
  ["XRPUSDT", "binanceusdm", "XRP/USDT:USDT"],
  ["ltc/usdt", "okx", "LTC/USDT"],
];

for (const [asked, exchange, symbol] of PLAIN) {
  Deno.test(`POST series: ${asked} of ${exchange} is ${symbol} also while the venue is away`, async () => {
    const { json } = await openAlone();
    const body = { exchange, symbol: asked, interval: "1m" };
    const { status, data } = await json("POST", "/api/v1/series", { as, json: body });
    assert.deepEqual([status, data.symbol], [201, symbol]);
  });
}

for (const symbol of ["GARBAGE", "kPEPE/USDC:USDC", "XBT-PERP", "BTC_240628"]) {
  Deno.test(`POST series: what ${symbol} is only the venue knows: 503 while it is away`, async () => {
    const { json, house } = await openAlone();
    const head = await house.store.head();
    const body = { exchange: "okx", symbol, interval: "1m" };
    const answer = await json("POST", "/api/v1/series", { as, json: body });
    assert.deepEqual([answer.status, answer.error.code], [503, "UNAVAILABLE"]);
    assert.match(answer.error.message, /BASE\/QUOTE/);
    assert.ok(answer.headers.has("retry-after"));
    assert.equal(await house.store.head(), head);
  });
}
