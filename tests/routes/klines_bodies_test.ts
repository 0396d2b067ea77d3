import assert from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithSeries();
Deno.test.afterAll(async () => await (await opened)?.close());

const ID = "kraken.AAA-USDT.1m";
const PARQUET = "application/vnd.apache.parquet";

async function openWithSeries(): Promise<TestApp> {
  const app = await openApp();
  const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as: "admin", json });
  return app;
}

/** Posts a body and makes sure that nothing came of it. */
async function refused(options: AskOptions) {
  const app = await openOnce();
  const head = await app.house.store.head();
  const path = `/api/v1/series/${ID}/klines`;
  const { status, error } = await app.json("POST", path, { as: "admin", ...options });
  assert.equal(await app.house.store.head(), head);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${app.house.folder}/spool`)), []);
  return { status, code: error?.code, message: error?.message ?? "", field: error?.field };
}

const typed = (type: string, body: BodyInit): AskOptions => ({
  ...{ body, headers: { "content-type": type } },
});

/** What a select gives, as another program writes it. */
async function parquetOf(select: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = await Deno.makeTempFile({ suffix: ".parquet" });
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`copy (${select}) to '${path}' (format parquet, compression zstd)`);
    return await Deno.readFile(path);
  } finally {
    connection.closeSync();
    instance.closeSync();
    await Deno.remove(path);
  }
}

const CANDLES = `select 1704067200000 + n * 60000 as open_time, 1 + n / 1000 as open,
  2 + n / 1000 as high, 0.5 as low, 1.5 + n / 1000 as close, n as volume from range(1000) t(n)`;

/** The same file with other bytes in its first pages: its footer stays whole. */
async function damagedPages(): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await parquetOf(CANDLES);
  bytes.fill(0xff, 8, 400);
  return bytes;
}

async function cutShort(): Promise<Uint8Array<ArrayBuffer>> {
  return (await parquetOf(CANDLES)).slice(0, -20);
}

const UNREADABLE: readonly [what: string, make: () => Promise<BodyInit>][] = [
  ["a few letters", () => Promise.resolve("x")],
  ["text", () => Promise.resolve("no Parquet at all, but longer than a footer")],
  ["a file that was cut short", cutShort],
  ["a file with damaged pages", damagedPages],
];

for (const [what, make] of UNREADABLE) {
  Deno.test(`POST klines: refuses ${what} as parquet without a word of paths or engines`, async () => {
    const { status, code, message } = await refused(typed(PARQUET, await make()));
    assert.deepEqual([status, code], [422, "VALIDATION_ERROR"], message);
    assert.doesNotMatch(message, /\/|Error|DuckDB|magic|Thrift|\.parquet/i);
    assert.match(message, /Parquet/);
  });
}

const EMPTY: readonly [what: string, body: BodyInit][] = [
  ["nothing", ""],
  ["white space", " \r\n\t\n"],
  ["a stream of nothing", new Blob([])],
];

for (const type of ["application/json", "text/csv", PARQUET]) {
  for (const [what, body] of EMPTY) {
    Deno.test(`POST klines: refuses ${what} as ${type} like every empty body`, async () => {
      const expected = type === "application/json"
        ? { status: 400, code: "MALFORMED_JSON" }
        : { status: 422, code: "VALIDATION_ERROR" };
      assert.deepEqual(await refused(typed(type, body)), {
        ...{ ...expected, field: undefined },
        message: "Cannot read candles: the body is empty",
      });
    });
  }
}

const MISSHAPEN: readonly [body: string, field: string | undefined][] = [
  ["{}", "rows"],
  [`{"rows":{}}`, "rows"],
  [`{"columns":7,"rows":[]}`, "columns"],
  [`{"rows":[],"interval":"1m"}`, "interval"],
  [`{"columns":["open_time","open","high","low","close","close","volume"],"rows":[]}`, "columns"],
  [`{"rows":[{"open_time":1704067200000,"open":1,"high":2,"low":1,"close":1,"volume":1}]}`, "rows"],
  ["null", undefined],
  [`"rows"`, undefined],
];

for (const [body, named] of MISSHAPEN) {
  Deno.test(`POST klines: refuses ${body} for its shape: it is JSON`, async () => {
    const { status, code, field } = await refused(typed("application/json", body));
    assert.deepEqual([status, code, field], [422, "VALIDATION_ERROR", named]);
  });
}

Deno.test("POST klines: a bare word in a row is no JSON", async () => {
  const body = `{"rows":[[1704067200000,1,2,1,1,1],[1704067260000,1,2,1,1,abc]]}`;
  const { status, code } = await refused(typed("application/json", body));
  assert.deepEqual([status, code], [400, "MALFORMED_JSON"]);
});

/** The footer is looked at first: whether they hold candles does not matter. */
const BOMBS: Readonly<Record<string, string>> = {
  "more rows than 512 MB of text can hold": "select 1 as open_time from range(22369622)",
  "pages of more than 512 MB": "select repeat('x', 60000) || n as note from range(9500) t(n)",
};

for (const [what, select] of Object.entries(BOMBS)) {
  Deno.test(`POST klines: refuses parquet with ${what}, before it is unpacked`, async () => {
    const body = await parquetOf(select);
    assert.ok(body.length < 4_000_000, `${body.length} bytes were sent`);
    const { status, code, message } = await refused(typed(PARQUET, body));
    assert.deepEqual([status, code], [413, "PAYLOAD_TOO_LARGE"], message);
  });
}
