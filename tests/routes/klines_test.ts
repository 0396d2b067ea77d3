import assert from "node:assert/strict";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";
import { utc } from "@/tests/support/candles.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithCandles();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = utc("2024-01-01");
const MINUTE = 60_000;
const COLUMNS = [
  ...["open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"],
  ...["trades_count", "taker_buy_volume", "taker_buy_quote_volume"],
];

/** Twelve minutes of binance BTC/USDT with the minute 5 missing; okx and binance both hold ETH/USDT. */
async function openWithCandles(): Promise<TestApp> {
  const app = await openApp();
  const minutes = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11];
  await hold(app, ["binance", "BTC/USDT"], minutes);
  await hold(app, ["binance", "ETH/USDT"], [0]);
  await hold(app, ["okx", "ETH/USDT"], [0]);
  await hold(app, ["kraken", "EMPTY/USDT"], []);
  return app;
}

async function hold(
  app: TestApp,
  [exchange, symbol, interval = "1m"]: [exchange: string, symbol: string, interval?: string],
  minutes: number[],
) {
  const json = { exchange, symbol, interval, watch: false };
  const { data } = await app.json("POST", "/api/v1/series", { as: "admin", json });
  const csv = minutes.map((i) =>
    `${START + i * MINUTE},${100 + i}.10,${102 + i},99,${101 + i},0.00000001`
  );
  const options: AskOptions = {
    as: "admin",
    body: csv.join("\n"),
    headers: { "content-type": "text/csv" },
  };
  if (csv.length > 0) await app.json("POST", `/api/v1/series/${data.id}/klines`, options);
}

function klines(query: Record<string, string | number>): string {
  const given = { exchange: "binance", symbol: "BTC/USDT", interval: "1m", ...query };
  const known = Object.entries(given).filter(([, value]) => value !== "");
  return `/api/v1/klines?${new URLSearchParams(known.map(([k, v]) => [k, String(v)]))}`;
}

/** Minutes since the start of each row's open time. */
async function minutesOf({ json }: TestApp, query: Record<string, string | number>) {
  const { data, meta, status } = await json("GET", klines(query));
  assert.equal(status, 200);
  const minutes = data.map(([openTime]: [number]) => (openTime - START) / MINUTE);
  return { minutes, meta };
}

Deno.test("GET klines: arrays of all columns, what is not known null", async () => {
  const { json } = await openOnce();
  const { success, data, meta } = await json("GET", klines({ start: START, limit: 2 }));
  assert.equal(success, true);
  assert.deepEqual(meta.columns, COLUMNS);
  assert.deepEqual(data, [
    [START, 100.1, 102, 99, 101, 1e-8, START + MINUTE - 1, null, null, null, null],
    [START + MINUTE, 101.1, 103, 99, 102, 1e-8, START + 2 * MINUTE - 1, null, null, null, null],
  ]);
  const { exchange, symbol, interval, stored_interval, simulated, series_id, rows } = meta;
  assert.deepEqual({ exchange, symbol, interval, stored_interval, simulated, series_id, rows }, {
    ...{ exchange: "binance", symbol: "BTC/USDT", interval: "1m", stored_interval: "1m" },
    ...{ simulated: false, series_id: "binance.BTC-USDT.1m", rows: 2 },
  });
  assert.match(String(meta.timestamp), /^\d{4}-.*Z$/);
});

Deno.test("GET klines: bars off the grid are kept and flagged irregular, both of one slot", async () => {
  const app = await openOnce();
  const off = [START + 20_799, START + 2 * MINUTE + 1];
  const times = [START, ...off, START + 3 * MINUTE];
  const body = times.map((t) => `${t},100,102,99,101,1`).join("\n");
  const series = { exchange: "binance", symbol: "ODD/USDT", interval: "1m", watch: false };
  const made = await app.json("POST", "/api/v1/series", { as: "admin", json: series });
  const headers = { "content-type": "text/csv" };
  await app.json("POST", `/api/v1/series/${made.data.id}/klines`, { as: "admin", body, headers });
  for (const format of ["arrays", "objects"]) {
    const query = { symbol: "ODD/USDT", format };
    for (const numbers of ["number", "string"]) {
      const { data, meta } = await app.json("GET", klines({ ...query, numbers }));
      assert.deepEqual([data.length, meta.irregular], [4, off], `${format} ${numbers}`);
    }
    const desc = await app.json("GET", klines({ ...query, order: "desc", limit: 2 }));
    assert.deepEqual(desc.meta.irregular, [off[1]]);
    const hours = await app.json("GET", klines({ ...query, interval: "1h", partial: "true" }));
    assert.deepEqual([hours.data.length, hours.meta.irregular], [1, undefined]);
  }
  const onGrid = await app.json("GET", klines({ symbol: "ODD/USDT", end: START + 1 }));
  assert.equal(Object.hasOwn(onGrid.meta, "irregular"), false);
});

Deno.test("GET klines: objects have the names of the columns", async () => {
  const { json } = await openOnce();
  const { data } = await json("GET", klines({ start: START, limit: 1, format: "objects" }));
  assert.deepEqual(Object.keys(data[0]), COLUMNS);
  assert.equal(data[0].open, 100.1);
});

Deno.test("GET klines: numbers=string gives exact decimals", async () => {
  const { json } = await openOnce();
  for (const format of ["arrays", "objects"]) {
    const { data } = await json(
      "GET",
      klines({ start: START, limit: 1, numbers: "string", format }),
    );
    const [, open, , , , volume] = Object.values(data[0]);
    assert.deepEqual([open, volume], ["100.1", "0.00000001"], format);
  }
});

Deno.test("GET klines: csv has a header, and paging in its headers", async () => {
  const { ask } = await openOnce();
  const response = await ask("GET", klines({ start: START, limit: 3, format: "csv" }));
  const lines = (await response.text()).trimEnd().split("\n");
  assert.equal(response.headers.get("content-type"), "text/csv; charset=utf-8");
  assert.equal(lines[0], COLUMNS.join(","));
  assert.equal(lines.length, 4);
  assert.ok(lines[1]?.startsWith(`${START},100.1,102,99,101,0.00000001,`), lines.join("|"));
  assert.deepEqual(
    ["x-rows", "x-first-open-time", "x-last-open-time", "x-simulated", "x-stored-interval"]
      .map((name) => response.headers.get(name)),
    ["3", String(START), String(START + 2 * MINUTE), "false", "1m"],
  );
  const cursor = response.headers.get("x-next-cursor") ?? "";
  const next = await ask("GET", klines({ start: START, limit: 100, format: "csv", cursor }));
  assert.equal(next.headers.get("x-next-cursor"), null);
  assert.equal((await next.text()).trimEnd().split("\n").length, 1 + 8);
});

Deno.test("GET klines: parquet reads with another engine", async () => {
  const { ask } = await openOnce();
  const response = await ask("GET", klines({ start: START, limit: 2, format: "parquet" }));
  assert.equal(response.headers.get("content-type"), "application/vnd.apache.parquet");
  assert.match(response.headers.get("content-disposition") ?? "", /"binance.BTC-USDT.1m.parquet"/);
  const rows = await parquetReadObjects({ file: await response.arrayBuffer(), compressors });
  assert.deepEqual(rows.map((row) => [Number(row.open_time), Number(row.open).toFixed(8)]), [
    ...[[START, "100.10000000"], [START + MINUTE, "101.10000000"]],
  ]);
});

Deno.test("GET klines: parquet without candles has the columns and no rows", async () => {
  const { ask } = await openOnce();
  const asked = { format: "parquet", start: START - 20 * 86_400_000, end: START };
  const empty = { exchange: "kraken", symbol: "EMPTY/USDT", format: "parquet" };
  const queries = [
    ...[asked, { ...asked, interval: "1h" }, { ...asked, fill: "previous" }],
    ...[empty, { ...empty, interval: "1h" }, { ...empty, interval: "1M", start: START }],
  ];
  for (const query of queries) {
    const response = await ask("GET", klines(query));
    assert.deepEqual([response.status, response.headers.get("x-rows")], [200, "0"]);
    const file = await response.arrayBuffer();
    const { schema, num_rows: rows } = parquetMetadata(file);
    assert.deepEqual([rows, schema.slice(1).map(({ name }) => name)], [0n, COLUMNS]);
    assert.deepEqual(await parquetReadObjects({ file, compressors }), []);
  }
});

Deno.test("GET klines: start is inclusive, end exclusive, both as ms or ISO 8601", async () => {
  const app = await openOnce();
  const end = new Date(START + 4 * MINUTE).toISOString();
  assert.deepEqual((await minutesOf(app, { start: START + MINUTE, end })).minutes, [1, 2, 3]);
});

Deno.test("GET klines: a time zone's plus that was not escaped is understood", async () => {
  const { json } = await openOnce();
  const eastern = new Date(START + MINUTE + 8 * 3_600_000).toISOString().replace("Z", "+08:00");
  const { status, data } = await json("GET", `${klines({ limit: 1 })}&start=${eastern}`);
  assert.deepEqual([status, data[0][0]], [200, START + MINUTE]);
});

Deno.test("GET klines: without a start come the latest, ascending", async () => {
  const app = await openOnce();
  assert.deepEqual((await minutesOf(app, { limit: 3 })).minutes, [9, 10, 11]);
  assert.deepEqual((await minutesOf(app, { limit: 3, order: "desc" })).minutes, [11, 10, 9]);
  const end = START + 4 * MINUTE;
  assert.deepEqual((await minutesOf(app, { limit: 2, end })).minutes, [2, 3]);
});

const WALKS: readonly [query: Record<string, string | number>, pages: number[][]][] = [
  [{ start: START }, [[0, 1, 2, 3], [4, 6, 7, 8], [9, 10, 11]]],
  [{ start: START, order: "desc" }, [[11, 10, 9, 8], [7, 6, 4, 3], [2, 1, 0]]],
  [{}, [[8, 9, 10, 11], [3, 4, 6, 7], [0, 1, 2]]],
  [{ start: START, end: START + 4 * MINUTE }, [[0, 1, 2, 3]]],
];

for (const [query, pages] of WALKS) {
  Deno.test(`GET klines: the cursor leads through all pages of ${JSON.stringify(query)}`, async () => {
    const app = await openOnce();
    const walked: number[][] = [];
    for (let cursor = "first"; cursor !== "null" && walked.length < 9;) {
      const at = cursor === "first" ? {} : { cursor };
      const { minutes, meta } = await minutesOf(app, { ...query, limit: 4, ...at });
      walked.push(minutes);
      cursor = String(meta.next_cursor);
    }
    assert.deepEqual(walked, pages);
  });
}

Deno.test("GET klines: larger intervals are made of the stored one, whole bars only", async () => {
  const { json } = await openOnce();
  const { data, meta } = await json("GET", klines({ interval: "5m", start: START }));
  const bars = data.map((
    [at, open, , , close]: number[],
  ) => [((at ?? 0) - START) / MINUTE, open, close]);
  assert.deepEqual(bars, [[0, 100.1, 105], [5, 106.1, 110]]);
  assert.deepEqual([meta.interval, meta.stored_interval], ["5m", "1m"]);
  const partial = await json("GET", klines({ interval: "5m", start: START, partial: "true" }));
  assert.equal(partial.data.length, 3);
});

Deno.test("GET klines: gaps are filled on demand only", async () => {
  const app = await openOnce();
  const range = { start: START + 4 * MINUTE, end: START + 7 * MINUTE };
  assert.deepEqual((await minutesOf(app, range)).minutes, [4, 6]);
  const { data } = await app.json("GET", klines({ ...range, fill: "previous" }));
  assert.deepEqual(data[1].slice(1, 6), [105, 105, 105, 105, 0]);
});

Deno.test("GET klines: a symbol is understood as the exchange writes it, without the exchange", async () => {
  const app = await openOnce();
  const one = { exchange: "", symbol: "BTCUSDT", limit: 1 };
  assert.deepEqual((await minutesOf(app, one)).minutes, [11]);
});

Deno.test("GET klines: of several venues the one that holds candles answers, where no other does", async () => {
  const app = await openOnce();
  await hold(app, ["kraken", "ADA/USDT"], []);
  await hold(app, ["okx", "ADA/USDT"], []);
  const path = klines({ symbol: "ADA/USDT", exchange: "" });
  assert.equal((await app.json("GET", path)).status, 422);
  await hold(app, ["okx", "ADA/USDT"], [0]);
  const { status, meta } = await app.json("GET", path);
  assert.deepEqual([status, meta.exchange, meta.rows], [200, "okx", 1]);
});

Deno.test("GET klines: several venues that hold the symbol are named", async () => {
  const { json } = await openOnce();
  const { status, error } = await json("GET", klines({ exchange: "", symbol: "ETH/USDT" }));
  assert.deepEqual([status, error.code, error.field], [422, "VALIDATION_ERROR", "exchange"]);
  assert.deepEqual(error.details?.map(({ message }) => message), ["binance", "okx"]);
});

Deno.test("GET klines: an unknown series is 404 with near matches, a known but empty one is []", async () => {
  const { json } = await openOnce();
  const unknown = await json("GET", klines({ symbol: "BTC/USDC" }));
  assert.equal(unknown.status, 404);
  assert.equal(unknown.error.details?.[0]?.message, "binance:BTC/USDT:1m is held");
  assert.equal((await json("GET", klines({ exchange: "", symbol: "BTZUSDT" }))).status, 404);
  assert.equal((await json("GET", klines({ interval: "1s" }))).status, 404);
  const empty = await json("GET", klines({ exchange: "kraken", symbol: "EMPTY/USDT" }));
  assert.deepEqual([empty.status, empty.data, empty.meta.next_cursor], [200, [], null]);
  const before = await json("GET", klines({ start: 0, end: 1_000 }));
  assert.deepEqual([before.status, before.data], [200, []]);
});

const BAD: readonly [query: Record<string, string | number>, field: string][] = [
  [{ symbol: "" }, "symbol"],
  [{ symbol: "a/../b" }, "symbol"],
  [{ interval: "2m" }, "interval"],
  [{ limit: 0 }, "limit"],
  [{ limit: 50_001 }, "limit"],
  [{ order: "up" }, "order"],
  [{ fill: "linear" }, "fill"],
  [{ format: "xml" }, "format"],
  [{ numbers: "float" }, "numbers"],
  [{ partial: "1" }, "partial"],
  [{ start: "soon" }, "start"],
  [{ start: START, end: START }, "end"],
  [{ cursor: "x" }, "cursor"],
  [{ colour: "red" }, "colour"],
];

const SAYS: readonly [query: string, says: RegExp][] = [
  ["symbol=BTCUSDT", /interval: required$/],
  ["symbol=BTCUSDT&interval=", /interval: expected one of 1s, 1m, /],
  ["interval=1m", /symbol: required$/],
  ["interval=1m&symbol=", /symbol: must not be empty$/],
  ["interval=1m&symbol=BTCUSDT&exchange=", /exchange: must not be empty$/],
];

Deno.test("GET klines: what is missing is called required, in our words", async () => {
  const { json } = await openOnce();
  for (const [query, says] of SAYS) {
    assert.match((await json("GET", `/api/v1/klines?${query}`)).error.message, says);
  }
});

Deno.test("GET klines: each bad parameter is refused by name", async () => {
  const { json } = await openOnce();
  for (const [query, field] of BAD) {
    const { status, error } = await json("GET", klines(query));
    assert.deepEqual(
      [status, error.code, error.field],
      [422, "VALIDATION_ERROR", field],
      JSON.stringify(query),
    );
  }
});

Deno.test("GET klines: a read remembers its answer until candles change", async () => {
  const app = await openOnce();
  await hold(app, ["okx", "LTC/USDT"], [0]);
  const path = klines({ exchange: "okx", symbol: "LTC/USDT", start: START });
  const ask = async () => {
    const response = await app.ask("GET", path);
    return [response.headers.get("x-cache"), (await response.json()).data.length];
  };
  assert.deepEqual([await ask(), await ask()], [["miss", 1], ["hit", 1]]);
  await hold(app, ["okx", "LTC/USDT"], [1]);
  assert.deepEqual([await ask(), await ask()], [["miss", 2], ["hit", 2]]);
});

Deno.test("GET klines: an answer that has got a next page is another one", async () => {
  const app = await openOnce();
  await hold(app, ["okx", "XRP/USDT"], [0]);
  const path = klines({ exchange: "okx", symbol: "XRP/USDT", start: START, limit: 1 });
  const etag = (await app.ask("GET", path)).headers.get("etag") ?? "";
  const headers = { "if-none-match": etag };
  assert.equal((await app.ask("GET", path, { headers })).status, 304);
  await hold(app, ["okx", "XRP/USDT"], [1]);
  const { status, meta } = await app.json("GET", path, { headers });
  assert.deepEqual([status, typeof meta.next_cursor], [200, "string"]);
});

Deno.test("GET klines: a larger interval that is stored from now on is taken from then on", async () => {
  const app = await openOnce();
  await hold(app, ["okx", "ADA/USDT"], [0, 1, 2, 3, 4]);
  const path = klines({ exchange: "okx", symbol: "ADA/USDT", interval: "5m", start: START });
  assert.equal((await app.json("GET", path)).meta.stored_interval, "1m");
  await hold(app, ["okx", "ADA/USDT", "5m"], [0]);
  assert.equal((await app.json("GET", path)).meta.stored_interval, "5m");
});

Deno.test("GET klines: HEAD answers the headers alone", async () => {
  const { ask } = await openOnce();
  const response = await ask("HEAD", klines({ limit: 1 }));
  assert.deepEqual([response.status, await response.text()], [200, ""]);
});
