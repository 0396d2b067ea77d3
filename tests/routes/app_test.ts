import assert from "node:assert/strict";
import { type ActorName, openApp, type TestApp } from "@/tests/support/app.ts";
import { crawlerTables, infoOf, runOf } from "@/tests/support/crawler_tables.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithSeries();
Deno.test.afterAll(async () => await (await opened)?.close());

/** Other people's protocols: `foreign_test.ts` has their table. */
const FOREIGN = /^\/(compat\/|udf\/|write$|api\/v2\/write$|ws\/)/;

/** Of a job that goes on. */
let jobId = "";

const ID = "binance.BTC-USDT.1m";
async function openWithSeries(): Promise<TestApp> {
  const tables = crawlerTables({ infos: [infoOf("openvlab")] });
  tables.runs.push(runOf({ runId: "run-1", source: "klines" }));
  const app = await openApp({ tables });
  await app.json("POST", "/api/v1/series", { as: "admin", json: SERIES });
  const busy = { as: "admin", json: { ...SERIES, interval: "5m", watch: false } } as const;
  const { data } = await app.json("POST", "/api/v1/series", busy);
  const job = await app.json("POST", "/admin/crawl", { as: "admin", json: { series: data.id } });
  jobId = job.data.job_id;
  return app;
}

const ACTORS: readonly ActorName[] = ["guest", "stranger", "reader", "writer", "admin"];

const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" };
const KLINES = { columns: ["open_time", "open", "high", "low", "close", "volume"], rows: [] };

/** Each route with the status for guest, stranger, reader, writer and admin, in this order of calls. */
const TABLE: readonly [method: string, path: string, json: unknown, statuses: string][] = [
  ["GET", "/health/live", undefined, "200 200 200 200 200"],
  ["GET", "/health/ready", undefined, "200 200 200 200 200"],
  ["GET", "/openapi.json", undefined, "200 200 200 200 200"],
  ["GET", "/docs", undefined, "200 200 200 200 200"],
  ["POST", "/api/v1/series", SERIES, "401 401 403 200 200"],
  ["GET", "/api/v1/series", undefined, "200 401 200 200 200"],
  ["GET", `/api/v1/series/${ID}`, undefined, "200 401 200 200 200"],
  ["GET", `/api/v1/series/${ID}/gaps`, undefined, "200 401 200 200 200"],
  ["GET", `/api/v1/series/${ID}/stats`, undefined, "200 401 200 200 200"],
  ["GET", "/api/v1/klines?symbol=BTCUSDT&interval=1m", undefined, "200 401 200 200 200"],
  ["GET", "/lake", undefined, "200 401 200 200 200"],
  ["GET", "/lake/manifest.json", undefined, "200 401 200 200 200"],
  ["GET", "/lake/{exchange}", undefined, "404 401 404 404 404"],
  ["GET", "/lake/{exchange}/{pair}", undefined, "404 401 404 404 404"],
  ["GET", "/lake/{exchange}/{pair}/{interval}", undefined, "404 401 404 404 404"],
  ["GET", "/lake/{exchange}/{pair}/{interval}/revisions", undefined, "404 401 404 404 404"],
  ["GET", "/lake/{exchange}/{pair}/{interval}/revisions/{file}", undefined, "404 401 404 404 404"],
  ["GET", "/lake/{exchange}/{pair}/{interval}/{file}", undefined, "404 401 404 404 404"],
  ["POST", `/api/v1/series/${ID}/klines`, KLINES, "401 401 403 200 200"],
  [
    "DELETE",
    `/api/v1/series/${ID}/klines?start=0&end=1&reason=test`,
    undefined,
    "401 401 403 200 200",
  ],
  ["DELETE", `/api/v1/series/${ID}`, undefined, "401 401 403 200 200"],
  ["GET", "/api/v1/events", undefined, "401 401 403 403 200"],
  ["GET", "/api/v1/events/stream", undefined, "401 401 403 403 200"],
  ["GET", "/admin/projections", undefined, "401 401 403 403 200"],
  ["POST", "/admin/projections/series/rebuild", undefined, "401 401 403 403 202"],
  ["POST", "/admin/crawl", { series: ID }, "401 401 403 403 202"],
  ["GET", "/admin/archive", undefined, "401 401 403 403 200"],
  ["POST", "/admin/archive/run", {}, "401 401 403 403 202"],
  ["GET", "/admin/crawler/health", undefined, "401 401 403 403 200"],
  ["GET", "/admin/crawler/logs", undefined, "401 401 403 403 200"],
  ["GET", "/admin/crawler/alerts", undefined, "401 401 403 403 200"],
  ["GET", "/admin/crawler/runs/run-1", undefined, "401 401 403 403 200"],
  ["GET", "/admin/crawler/runs/run-1/response", undefined, "401 401 403 403 404"],
  ["POST", "/admin/crawler/openvlab/run", undefined, "401 401 403 403 202"],
  ["POST", "/admin/crawler/openvlab/pause", {}, "401 401 403 403 200"],
  ["POST", "/admin/crawler/openvlab/resume", undefined, "401 401 403 403 200"],
  ["GET", "/admin/reports/daily/2026-03-01", undefined, "401 401 403 403 404"],
  ["GET", "/api/v1/reports", undefined, "200 401 200 200 200"],
  ["GET", "/metrics", undefined, "401 401 403 403 200"],
  ["GET", "/admin/jobs", undefined, "401 401 403 403 200"],
  ["GET", "/admin/jobs/{job}", undefined, "401 401 403 403 200"],
  ["DELETE", "/admin/jobs/{job}", undefined, "401 401 403 403 202"],
];

const CODES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
};

Deno.test("routes: each lets in whom it should, and tells the others why not", async () => {
  const { ask } = await openOnce();
  for (const [method, template, json, statuses] of TABLE) {
    const path = template.replace("{job}", jobId);
    const got: number[] = [];
    for (const as of ACTORS) {
      const response = await ask(method, path, { as, ...(json === undefined ? {} : { json }) });
      got.push(response.status);
      const code = response.status >= 400 ? (await response.json()).error.code : undefined;
      const expected = CODES[response.status];
      if (response.status >= 400) assert.equal(code, expected, `${method} ${path} as ${as}`);
      else await response.body?.cancel();
      const challenge = response.headers.get("www-authenticate");
      assert.equal(challenge, response.status === 401 ? "Bearer" : null);
    }
    assert.equal(got.join(" "), statuses, `${method} ${path}`);
  }
});

Deno.test("routes: the table above names every route there is", async () => {
  const { app } = await openOnce();
  const document = await (await app.request("/openapi.json")).json();
  const described = Object.entries<Record<string, unknown>>(document.paths)
    .filter(([path]) => !FOREIGN.test(path))
    .flatMap(([path, item]) => Object.keys(item).map((method) => [method.toUpperCase(), path]))
    .map(([method, path]) => `${method} ${path}`).toSorted();
  const tabled = TABLE.filter(([, path]) => !["/openapi.json", "/docs"].includes(path))
    .map(([method, path]) => `${method} ${asTemplate(path)}`).toSorted();
  assert.deepEqual(tabled, described);
});

const PLACES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`${ID}|\\{job\\}|run-1`), "{id}"],
  [/(?<=\/projections\/)series|openvlab/, "{name}"],
  [/2026-03-01/, "{date}"],
];

function asTemplate(path: string): string {
  const [bare = ""] = path.split("?");
  return PLACES.reduce((text, [given, place]) => text.replace(given, place), bare);
}

Deno.test("routes: a trailing slash is the same route", async () => {
  const { ask } = await openOnce();
  for (const [method, path, json, statuses] of TABLE) {
    if (method !== "GET") continue;
    const [bare, query = ""] = path.replace("{job}", jobId).split("?");
    const response = await ask("GET", `${bare}/?${query}`, { as: "admin" });
    await response.body?.cancel();
    assert.equal(String(response.status), statuses.split(" ").at(-1), `${path} ${json}`);
  }
});

Deno.test("routes: an unknown path is 404, a wrong method 405 with what is allowed", async () => {
  const { json } = await openOnce();
  const nowhere = await json("GET", "/api/v1/nothing");
  assert.deepEqual([nowhere.status, nowhere.success, nowhere.error.code], [
    404,
    false,
    "NOT_FOUND",
  ]);
  const wrong = await json("PATCH", "/api/v1/series");
  assert.deepEqual([wrong.status, wrong.error.code], [405, "METHOD_NOT_ALLOWED"]);
  assert.deepEqual(wrong.headers.get("allow")?.split(", ").toSorted(), [
    ...["GET", "HEAD", "POST"],
  ]);
  assert.equal((await json("PUT", `/api/v1/series/${ID}/`)).status, 405);
});

Deno.test("routes: pages of other origins may read market data, and nothing else", async () => {
  const { ask } = await openOnce();
  for (const [method, path, json] of TABLE) {
    const response = await ask(method, path, { ...(json === undefined ? {} : { json }) });
    await response.body?.cancel();
    const shared = path === "/openapi.json" ||
      method === "GET" && /^\/(api\/v1\/(klines|series|reports)|lake)/.test(path);
    assert.equal(response.headers.get("access-control-allow-origin"), shared ? "*" : null, path);
  }
  const preflight = await ask("OPTIONS", `/api/v1/series/${ID}`);
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "GET, HEAD");
  assert.equal(
    (await ask("OPTIONS", "/admin/jobs")).headers.get("access-control-allow-origin"),
    null,
  );
});

Deno.test("routes: every answer has safe headers and an id, the caller's where it is sane", async () => {
  const { ask } = await openOnce();
  for (const path of ["/health/live", "/nowhere", "/api/v1/klines", "/docs", "/openapi.json"]) {
    const response = await ask("GET", path, { headers: { "x-request-id": "abc-1.2:3" } });
    await response.body?.cancel();
    assert.equal(response.headers.get("x-content-type-options"), "nosniff", path);
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.equal(response.headers.get("x-request-id"), "abc-1.2:3", path);
  }
  const odd = await ask("GET", "/health/live", { headers: { "x-request-id": "<script>" } });
  const { meta } = await odd.json();
  assert.match(meta.request_id, /^[0-9a-f-]{36}$/);
  assert.equal(odd.headers.get("x-request-id"), meta.request_id);
});

Deno.test("docs: the page loads only what its policy names, all from here", async () => {
  const { ask } = await openOnce();
  const response = await ask("GET", "/docs");
  const page = await response.text();
  const policy = response.headers.get("content-security-policy") ?? "";
  for (const [, kind = "", text = ""] of page.matchAll(/<(style|script)[^>]*>([\s\S]*?)<\/\1>/g)) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hash = `'sha256-${new Uint8Array(digest).toBase64()}'`;
    assert.ok(policy.includes(`${kind}-src ${hash}`), kind);
  }
  assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//);
  assert.doesNotMatch(page, /innerHTML|onclick|onload/);
});

Deno.test("openapi.json: is 3.1, its references lead somewhere, and its parameters are described", async () => {
  const { ask } = await openOnce();
  const document = await (await ask("GET", "/openapi.json")).json();
  assert.match(document.openapi, /^3\.1/);
  const text = JSON.stringify(document);
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    assert.ok(document.components.schemas[name], name);
  }
  const klines = document.paths["/api/v1/klines"].get;
  const names = klines.parameters.filter((one: { in: string }) => one.in === "query")
    .map(({ name }: { name: string }) => name);
  assert.deepEqual(names, [
    ...["exchange", "symbol", "interval", "start", "end", "limit", "order", "fill", "partial"],
    ...["format", "numbers", "cursor"],
  ]);
  for (const { name, description, schema } of klines.parameters) {
    assert.ok(description ?? schema.description, name);
  }
  assert.deepEqual(klines.security, [{}, { bearer: [] }]);
  assert.deepEqual(document.paths["/api/v1/events"].get.security, [{ bearer: [] }]);
  const post = document.paths["/api/v1/series/{id}/klines"].post;
  assert.deepEqual(Object.keys(post.requestBody.content), [
    ...["application/json", "text/csv", "application/vnd.apache.parquet"],
  ]);
});
