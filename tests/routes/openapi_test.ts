import assert from "node:assert/strict";
import { misfits } from "@/tests/support/json_schema.ts";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithCandles();
Deno.test.afterAll(async () => await (await opened)?.close());

const ID = "kraken.AAA-USDT.1m";
const as = "admin" as const;
const SERIES = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
const CSV = "1704067200000,1,2,0.5,1.5,3\n1704067320000,1.5,2,1,1.2,4\nx,1,2,3,4,5\n";
const CANDLES: AskOptions = { as, body: CSV, headers: { "content-type": "text/csv" } };

async function openWithCandles(): Promise<TestApp> {
  const app = await openApp();
  await app.json("POST", "/api/v1/series", { as, json: SERIES });
  await app.json("POST", `/api/v1/series/${ID}/klines`, CANDLES);
  return app;
}

const klines = "/api/v1/klines?symbol=AAAUSDT&interval=1m";

/** Calls whose answers are held against the document: its path, what is really asked. */
const CALLS: readonly [method: string, path: string, asked: string, options?: AskOptions][] = [
  ["get", "/health/live", "/health/live"],
  ["get", "/health/ready", "/health/ready"],
  ["get", "/api/v1/series", "/api/v1/series"],
  ["get", "/api/v1/series/{id}", `/api/v1/series/${ID}`],
  ["get", "/api/v1/series/{id}/gaps", `/api/v1/series/${ID}/gaps`],
  ["get", "/api/v1/klines", klines],
  ["get", "/api/v1/klines", `${klines}&format=objects&numbers=string`],
  ["get", "/api/v1/klines", `${klines}&format=csv`],
  ["get", "/api/v1/klines", `${klines}&format=parquet`],
  ["get", "/lake", "/lake"],
  ["get", "/lake/manifest.json", "/lake/manifest.json"],
  ["get", "/lake/{exchange}/{pair}/{interval}", "/lake/kraken/AAA-USDT/1m"],
  [
    "get",
    "/lake/{exchange}/{pair}/{interval}/{file}",
    "/lake/kraken/AAA-USDT/1m/2024-01.parquet",
  ],
  ["post", "/api/v1/series", "/api/v1/series", { as, json: SERIES }],
  ["post", "/api/v1/series/{id}/klines", `/api/v1/series/${ID}/klines`, CANDLES],
  [
    "delete",
    "/api/v1/series/{id}/klines",
    `/api/v1/series/${ID}/klines?start=0&end=1&reason=x`,
    { as },
  ],
  ["get", "/api/v1/events", "/api/v1/events", { as }],
  ["get", "/admin/projections", "/admin/projections", { as }],
  ["post", "/admin/crawl", "/admin/crawl", { as, json: { series: ID } }],
  ["get", "/admin/jobs", "/admin/jobs", { as }],
  ["post", "/admin/projections/{name}/rebuild", "/admin/projections/series/rebuild", { as }],
  ["delete", "/api/v1/series/{id}", `/api/v1/series/${ID}?purge=true`, { as }],
];

Deno.test("openapi.json: tells the truth about what each route answers", async () => {
  const { ask } = await openOnce();
  const document = await (await ask("GET", "/openapi.json")).json();
  for (const [method, path, asked, options] of CALLS) {
    const response = await ask(method.toUpperCase(), asked, options);
    const described = document.paths[path][method].responses[response.status];
    assert.ok(described, `${method} ${path} answered ${response.status}`);
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
    const { schema } = described.content[type] ?? assert.fail(`${path} answered ${type}`);
    if (type === "application/json") {
      const found = misfits(document, schema, { value: await response.json() });
      assert.deepEqual(found, [], `${method} ${asked}`);
    } else await response.body?.cancel();
  }
});

Deno.test("openapi.json: tells the truth about failures", async () => {
  const { ask } = await openOnce();
  const document = await (await ask("GET", "/openapi.json")).json();
  const paths = ["/api/v1/klines?limit=0", "/api/v1/series/nothing", "/api/v1/events"];
  for (const asked of paths) {
    const response = await ask("GET", asked);
    assert.ok(response.status >= 400);
    const { schema } = document.paths["/api/v1/klines"].get.responses.default
      .content["application/json"];
    const found = misfits(document, schema, { value: await response.json() });
    assert.deepEqual(found, [], asked);
  }
});

Deno.test("openapi.json: a check that finds nothing would be none: it finds what is wrong", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "integer", minimum: 0 }, b: { enum: ["x"] } },
    required: ["a"],
  };
  const wrong = [{}, { a: "1" }, { a: -1 }, { a: 1, b: "y" }, { a: 1, c: 1 }, [], null];
  for (const value of wrong) assert.notDeepEqual(misfits({}, schema, { value }), []);
  assert.deepEqual(misfits({}, schema, { value: { a: 1, b: "x" } }), []);
});
