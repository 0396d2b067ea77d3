import assert from "node:assert/strict";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";
import { candle } from "@/tests/support/candles.ts";
import { databases } from "@/tests/support/database.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp({}, databases()[0]?.open);
Deno.test.afterAll(async () => await (await opened)?.close());

/** A symbol of its own for each test: they share one installation. */
function named(base: string) {
  const series = { exchange: "kraken", symbol: `${base}/USDT`, interval: "1m", watch: false };
  return { series, id: `kraken.${base}-USDT.1m`, stream: `series-kraken.${base}-USDT.1m` };
}

async function eventsOf({ house }: TestApp, stream: string) {
  const { events } = await house.store.readStream(stream);
  return events.map(({ type, data, meta }) => ({ type, data, actor: meta.actor }));
}

function admin(json?: unknown, headers: Record<string, string> = {}): AskOptions {
  return { as: "admin", headers, ...(json === undefined ? {} : { json }) };
}

Deno.test("POST series: adds it, watched, and answers it as it can be read", async () => {
  const app = await openOnce();
  const json = {
    exchange: "binance",
    symbol: "BTCUSDT",
    interval: "1m",
    history_start: "2021-01-01",
  };
  const { status, data, meta } = await app.json("POST", "/api/v1/series", { as: "writer", json });
  assert.equal(status, 201);
  assert.deepEqual(data, {
    ...{ id: "binance.BTC-USDT.1m", exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
    ...{ watched: true, simulated: false, source: null, candles: 0, hot_rows: 0, cold_months: 0 },
    ...{ first_open_time: null, last_open_time: null, coverage_pct: null, gaps: 0 },
    ...{ history_start: 1609459200000, last_crawled_at: null, last_error: null },
  });
  assert.equal(typeof meta.position, "number");
  assert.deepEqual((await app.json("GET", "/api/v1/series/binance.BTC-USDT.1m")).data, data);
  const [added, watched, ...others] = await eventsOf(app, "series-binance.BTC-USDT.1m");
  assert.deepEqual([added?.type, watched?.type], ["SeriesAdded", "SeriesWatched"]);
  assert.equal(watched?.data.historyStart, 1609459200000);
  assert.equal(watched?.actor, "key:writer");
  assert.deepEqual(others, []);
});

Deno.test("POST series: the same again changes nothing, and keeps the history start", async () => {
  const app = await openOnce();
  const { series, stream } = named("AAA");
  const first = { ...series, symbol: "BTC/USDT", watch: true, history_start: 1609459200000 };
  await app.json("POST", "/api/v1/series", admin({ ...first, interval: "5m" }));
  const again = await app.json(
    "POST",
    "/api/v1/series",
    admin({ ...series, symbol: "BTC/USDT", interval: "5m", watch: true }),
  );
  assert.equal(again.status, 200);
  assert.equal(again.data.history_start, 1609459200000);
  const events = await eventsOf(app, stream.replace("AAA", "BTC").replace("1m", "5m"));
  assert.deepEqual(events.map(({ type }) => type), ["SeriesAdded", "SeriesWatched"]);
});

Deno.test("POST series: with a key acts once, and refuses the key for another body", async () => {
  const app = await openOnce();
  const { series, stream } = named("KEY");
  const key = { "idempotency-key": "only-once" };
  const first = await app.json("POST", "/api/v1/series", admin(series, key));
  const second = await app.json("POST", "/api/v1/series", admin(series, key));
  assert.deepEqual([second.status, second.data], [first.status, first.data]);
  assert.equal(second.meta.position, first.meta.position);
  const other = await app.json(
    "POST",
    "/api/v1/series",
    admin({ ...series, symbol: "EEE/USDT" }, key),
  );
  assert.deepEqual([other.status, other.error.code], [422, "VALIDATION_ERROR"]);
  assert.equal((await eventsOf(app, stream)).length, 1);
  assert.deepEqual(await eventsOf(app, "series-kraken.EEE-USDT.1m"), []);
});

Deno.test("POST series: two callers may use one key for different things", async () => {
  const app = await openOnce();
  const key = { "idempotency-key": "shared-key" };
  const mine = await app.json("POST", "/api/v1/series", admin(named("MMM").series, key));
  const json = named("YYY").series;
  const yours = await app.json("POST", "/api/v1/series", { as: "writer", json, headers: key });
  assert.deepEqual([mine.data.id, yours.data.id], ["kraken.MMM-USDT.1m", "kraken.YYY-USDT.1m"]);
});

const BAD: readonly [
  what: string,
  body: Record<string, unknown>,
  status: number,
  field?: string,
][] = [
  ["an unknown interval", { interval: "7m" }, 422, "interval"],
  ["an exchange that is a path", { exchange: "../etc" }, 422, "exchange"],
  ["a symbol that is a path", { symbol: "../../x" }, 422, "symbol"],
  ["an unknown field", { colour: "red" }, 422, "colour"],
  ["a history start that is no time", { history_start: "soon" }, 422, "history_start"],
  ["half a ms as its start", { history_start: 1704067200000.5 }, 422, "history_start"],
  ["half a ms as text", { history_start: "1704067200000.5" }, 422, "history_start"],
  ["watch that is no flag", { watch: "yes" }, 422, "watch"],
  ["a symbol that the venue does not have", { symbol: "NOPE/USDT", watch: true }, 404],
  ["made-up candles among real ones", { exchange: "simulated" }, 409, "exchange"],
];

for (const [what, change, status, field] of BAD) {
  Deno.test(`POST series: refuses ${what} with ${status} and appends nothing`, async () => {
    const app = await openOnce();
    const head = await app.house.store.head();
    const answer = await app.json(
      "POST",
      "/api/v1/series",
      admin({ ...named("BAD").series, ...change }),
    );
    assert.equal(answer.status, status, answer.error?.message);
    if (field !== undefined) assert.equal(answer.error.field, field);
    assert.equal(await app.house.store.head(), head);
  });
}

Deno.test("POST series: a venue's near matches come with the refusal", async () => {
  const { json } = await openOnce();
  const { error } = await json(
    "POST",
    "/api/v1/series",
    admin({ ...named("BTX").series, watch: true }),
  );
  assert.deepEqual(error.details, [{ field: "symbol", message: "BTC/USDT exists" }]);
});

Deno.test("GET series: unknown ones are 404 with the nearest that are held", async () => {
  const { json } = await openOnce();
  await json("POST", "/api/v1/series", admin(named("NEAR").series));
  const { status, error } = await json("GET", "/api/v1/series/kraken.NEAR-USDC.1m");
  assert.deepEqual([status, error.code], [404, "NOT_FOUND"]);
  assert.deepEqual(error.details?.[0], { field: "id", message: "kraken.NEAR-USDT.1m is held" });
  assert.equal((await json("GET", "/api/v1/series/kraken.NEAR-USDC.1m/gaps")).status, 404);
  assert.equal((await json("DELETE", "/api/v1/series/nothing", admin())).status, 404);
});

Deno.test("GET series: one is also found as exchange:SYMBOL:interval", async () => {
  const { json } = await openOnce();
  await json("POST", "/api/v1/series", admin(named("TEXT").series));
  const path = `/api/v1/series/${encodeURIComponent("kraken:TEXT/USDT:1m")}`;
  assert.equal((await json("GET", path)).data.id, "kraken.TEXT-USDT.1m");
});

Deno.test("GET series: the list is by id", async () => {
  const { json } = await openOnce();
  for (const base of ["ZZZ", "ABC"]) {
    await json("POST", "/api/v1/series", admin(named(base).series));
  }
  const { data } = await json("GET", "/api/v1/series");
  const ids: string[] = data.map(({ id }: { id: string }) => id);
  assert.ok(ids.includes("kraken.ZZZ-USDT.1m") && ids.includes("kraken.ABC-USDT.1m"));
  assert.deepEqual(ids, ids.toSorted());
});

Deno.test("DELETE series: stops watching; the candles stay unless they are purged", async () => {
  const app = await openOnce();
  const { series, id, stream } = named("DEL");
  await app.json("POST", "/api/v1/series", admin(series));
  const csv = "1704067200000,1,2,0.5,1.5,3\n1704067260000,1.5,2,1,1.2,4\n";
  const headers = { "content-type": "text/csv" };
  await app.json("POST", `/api/v1/series/${id}/klines`, { as: "admin", body: csv, headers });
  const stopped = await app.json("DELETE", `/api/v1/series/${id}`, admin());
  assert.deepEqual([stopped.data.watched, stopped.data.candles], [false, 2]);
  assert.equal((await eventsOf(app, stream)).some(({ type }) => type === "SeriesUnwatched"), false);
  const purged = await app.json("DELETE", `/api/v1/series/${id}?purge=true`, admin());
  assert.deepEqual([purged.data.removed, purged.data.candles], [2, 0]);
  const again = await app.json("DELETE", `/api/v1/series/${id}?purge=true`, admin());
  assert.equal(again.data.removed, 0);
});

Deno.test("DELETE series: a purge takes what a clock that was ahead has let in as well", async () => {
  const app = await openOnce();
  const { series: { exchange, symbol }, id } = named("AHEAD");
  const from = Math.floor(Date.now() / 60_000) * 60_000;
  const ahead = [0, 1, 5 * 1_440, 400 * 1_440].map((minutes) => from + minutes * 60_000);
  const { ingested } = await app.house.ingest.ingestCandles(
    { exchange, symbol, interval: "1m" },
    ahead.map((openTime) => candle({ openTime })),
    {
      ...{ source: "api", actor: "test", commandId: crypto.randomUUID() },
      now: from + 500 * 86_400_000,
    },
  );
  const purged = await app.json("DELETE", `/api/v1/series/${id}?purge=true`, admin());
  assert.deepEqual([ingested, purged.data.removed, purged.data.candles], [4, 4, 0]);
});

Deno.test("DELETE series: a watched one is no longer watched, by one event however often", async () => {
  const app = await openOnce();
  const json = { exchange: "binance", symbol: "BTC/USDT", interval: "1h" };
  await app.json("POST", "/api/v1/series", admin(json));
  for (const _ of [1, 2]) {
    const { status, data } = await app.json(
      "DELETE",
      "/api/v1/series/binance.BTC-USDT.1h",
      admin(),
    );
    assert.deepEqual([status, data.watched], [200, false]);
  }
  const events = await eventsOf(app, "series-binance.BTC-USDT.1h");
  assert.deepEqual(events.map(({ type }) => type), [
    "SeriesAdded",
    "SeriesWatched",
    "SeriesUnwatched",
  ]);
});

for (const history_start of [-100_000_000_000_000, 0, "9999-12-31T23:59:59-01:00"]) {
  Deno.test(`POST series: refuses ${history_start}, at which no candle opens, as its start`, async () => {
    const app = await openOnce();
    const json = { ...named("EARLY").series, history_start };
    const { status, error } = await app.json("POST", "/api/v1/series", { as: "admin", json });
    assert.deepEqual([status, error.field], [422, "history_start"]);
    assert.deepEqual(await eventsOf(app, named("EARLY").stream), []);
  });
}

Deno.test("GET series: with slashes behind it is not told that GET is what is allowed", async () => {
  const { json } = await openOnce();
  for (const path of ["/api/v1/series//", "/api/v1/series///", "/api/v1/klines//"]) {
    const { status, error } = await json("GET", path);
    assert.deepEqual([status, error.code], [404, "NOT_FOUND"], path);
  }
  assert.equal((await json("PUT", "/api/v1/series")).status, 405);
});

Deno.test("a path that no id can have is 404, whatever is asked of it", async () => {
  const { ask } = await openOnce();
  const range = "start=0&end=1&reason=test";
  const asked = [
    ...[["GET", ""], ["DELETE", ""], ["GET", "/gaps"], ["GET", "/stats"]],
    ...[["DELETE", `/klines?${range}`], ["POST", "/klines"]],
  ];
  for (const id of ["%00", "kraken.A%00-USDT.1m", "%", "%zz", "%ff", "%ed%a0%80", "%C0%80"]) {
    for (const [method = "", rest] of asked) {
      const { status } = await ask(method, `/api/v1/series/${id}${rest}`, {
        ...{ as: "admin", headers: { "content-type": "text/csv" } },
        ...(method === "POST" ? { body: "1704067200000,1,2,1,1,1" } : {}),
      });
      assert.equal(status, 404, `${method} ${id}${rest}`);
    }
    for (const path of ["/admin/jobs/", "/admin/crawler/runs/", "/lake/kraken/"]) {
      assert.equal((await ask("GET", `${path}${id}`, { as: "admin" })).status, 404, path + id);
    }
  }
});
