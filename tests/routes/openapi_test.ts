import assert from "node:assert/strict";
import { misfits } from "@/tests/support/json_schema.ts";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";
import {
  attemptOf,
  crawlerTables,
  infoOf,
  recordOf,
  reportOf,
  runOf,
} from "@/tests/support/crawler_tables.ts";
import { raisedAlert } from "@/tests/support/raised_alerts.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithCandles();
Deno.test.afterAll(async () => await (await opened)?.close());

const ID = "kraken.AAA-USDT.1m";
const as = "admin" as const;
const SERIES = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
const CSV = "1704067200000,1,2,0.5,1.5,3\n1704067320000,1.5,2,1,1.2,4\nx,1,2,3,4,5\n";
const CANDLES: AskOptions = { as, body: CSV, headers: { "content-type": "text/csv" } };

const DAY = "2026-02-27";
const RATES = { successRate24h: 0.5, meanDurationMs: 1.5 } as const;
const RUN = runOf({
  ...{ runId: "run-1", status: "failed", finishedAt: 9, errorClass: "Refused", httpStatus: 400 },
  attempts: [attemptOf({ response: { sha256: "ab", sizeBytes: 3 }, retryAt: 7 })],
});

async function openWithCandles(): Promise<TestApp> {
  const app = await openApp({
    alertChannels: ["wecom"],
    dailyReport: (date) =>
      Promise.resolve(
        date === DAY
          ? { date, title: "A day", markdown: "#", raisedAt: 1, isOver: true }
          : undefined,
      ),
    tables: crawlerTables({
      ...{ infos: [infoOf("openvlab"), infoOf("sina")], runs: [RUN, runOf({ runId: "on" })] },
      records: [recordOf("openvlab", { lastStatus: "failed", lastFailureAt: 5, ...RATES })],
      alerts: [{ alert: raisedAlert(), deliveries: {} }],
      reports: [reportOf({ values: { a: null, b: ["1"] } }), reportOf({ contract: "RB2701" })],
    }),
  });
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
  ["get", "/api/v1/series/{id}/stats", `/api/v1/series/${ID}/stats`],
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
  ["get", "/admin/crawler/health", "/admin/crawler/health", { as }],
  ["get", "/admin/crawler/logs", "/admin/crawler/logs", { as }],
  ["get", "/admin/crawler/alerts", "/admin/crawler/alerts?undelivered=true", { as }],
  ["get", "/admin/crawler/runs/{id}", "/admin/crawler/runs/run-1", { as }],
  ["post", "/admin/crawler/{name}/run", "/admin/crawler/sina/run", { as }],
  ["post", "/admin/crawler/{name}/pause", "/admin/crawler/sina/pause", { as }],
  ["post", "/admin/crawler/{name}/resume", "/admin/crawler/sina/resume", { as }],
  ["get", "/admin/reports/daily/{date}", `/admin/reports/daily/${DAY}`, { as }],
  ["get", "/admin/reports/daily/{date}", `/admin/reports/daily/${DAY}`, {
    ...{ as, headers: { accept: "text/markdown" } },
  }],
  ["get", "/api/v1/reports", "/api/v1/reports"],
  ["get", "/metrics", "/metrics", { as }],
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
      const value = await response.json();
      assert.deepEqual(misfits(document, schema, { value }), [], `${method} ${asked}`);
      // The lake's manifest comes without an envelope, as a file would.
      const undescribed = Object.keys(value.meta ?? {}).filter((name) =>
        !names(document, schema).has(name)
      );
      assert.deepEqual(undescribed, [], `meta of ${method} ${asked}`);
    } else await response.body?.cancel();
  }
});

/** Names that the document gives to what is in `meta`. */
function names(
  document: { components: { schemas: Record<string, { properties: object }> } },
  schema: { properties: { meta: MetaSchema } },
): Set<string> {
  const { meta } = schema.properties;
  const parts = [meta, ...meta.allOf ?? []];
  return new Set(parts.flatMap(({ $ref, properties = {} }) => {
    const shared = document.components.schemas[$ref?.split("/").at(-1) ?? ""]?.properties ?? {};
    return [...Object.keys(shared), ...Object.keys(properties)];
  }));
}

interface MetaSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly allOf?: readonly MetaSchema[];
}

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

const KEY = { "idempotency-key": "a key" };

/** Calls that fail, each with the status that the document must know. */
const FAILING: readonly [
  method: string,
  path: string,
  asked: string,
  status: number,
  options?: AskOptions,
][] = [
  ["get", "/api/v1/klines", "/api/v1/klines?limit=0", 422],
  ["get", "/api/v1/klines", "/api/v1/klines?symbol=NOPE&interval=1m", 404],
  ["get", "/api/v1/series/{id}", "/api/v1/series/nothing", 404],
  ["get", "/api/v1/series/{id}/gaps", "/api/v1/series/nothing/gaps", 404],
  ["get", "/api/v1/events", "/api/v1/events", 401],
  ["get", "/api/v1/events", "/api/v1/events", 403, { as: "writer" }],
  ["get", "/api/v1/events/stream", "/api/v1/events/stream", 422, {
    ...{ as, headers: { "last-event-id": "x" } },
  }],
  ["post", "/api/v1/series", "/api/v1/series", 400, {
    ...{ as, body: "{", headers: { "content-type": "application/json" } },
  }],
  ["post", "/api/v1/series", "/api/v1/series", 404, {
    ...{ as, json: { exchange: "kraken", symbol: "NOPE/USDT", interval: "1m" } },
  }],
  ["post", "/api/v1/series", "/api/v1/series", 409, {
    ...{ as, json: { ...SERIES, exchange: "simulated" } },
  }],
  ["post", "/api/v1/series", "/api/v1/series", 415, { as, body: "x" }],
  ["post", "/api/v1/series", "/api/v1/series", 422, { as, json: SERIES, headers: KEY }],
  ["post", "/api/v1/series/{id}/klines", `/api/v1/series/${ID}/klines`, 413, {
    ...{ as, body: "x", headers: { "content-type": "text/csv", "content-length": "67108865" } },
  }],
  ["post", "/api/v1/series/{id}/klines", `/api/v1/series/${ID}/klines`, 415, { as, body: "x" }],
  ["delete", "/api/v1/series/{id}", "/api/v1/series/nothing", 404, { as }],
  ["post", "/admin/crawl", "/admin/crawl", 404, { as, json: { series: "kraken:NO/USDT:1m" } }],
  ["post", "/admin/crawl", "/admin/crawl", 409, { as, json: { series: ID } }],
  [
    ...["post", "/admin/projections/{name}/rebuild"] as const,
    ...["/admin/projections/series/rebuild", 409, { as }] as const,
  ],
  ["get", "/admin/jobs/{id}", "/admin/jobs/nothing", 404, { as }],
  ["get", "/admin/crawler/logs", "/admin/crawler/logs?status=x", 422, { as }],
  ["get", "/admin/crawler/runs/{id}", "/admin/crawler/runs/nothing", 404, { as }],
  ["get", "/admin/crawler/runs/{id}/response", "/admin/crawler/runs/on/response", 404, { as }],
  ["post", "/admin/crawler/{name}/run", "/admin/crawler/openvlab/run", 409, { as }],
  ["post", "/admin/crawler/{name}/run", "/admin/crawler/nothing/run", 404, { as }],
  ["post", "/admin/crawler/{name}/pause", "/admin/crawler/sina/pause", 415, { as, body: "x" }],
  ["get", "/admin/reports/daily/{date}", "/admin/reports/daily/2026-02-26", 404, { as }],
  ["get", "/admin/reports/daily/{date}", "/admin/reports/daily/x", 422, { as }],
  ["get", "/api/v1/reports", "/api/v1/reports?kind=x", 422],
];

Deno.test("openapi.json: names the status of each failure, and what comes with it", async () => {
  const { ask } = await openOnce();
  const document = await (await ask("GET", "/openapi.json")).json();
  // One crawl and one rebuild run already.
  for (const path of ["/admin/crawl", "/admin/projections/series/rebuild"]) {
    await (await ask("POST", path, { as, json: { series: ID } })).body?.cancel();
  }
  for (const [method, path, asked, status, options] of FAILING) {
    const response = await ask(method.toUpperCase(), asked, options);
    assert.equal(response.status, status, `${method} ${asked}`);
    const described = document.paths[path][method].responses[status];
    assert.ok(described, `${method} ${path}: ${status} is not described`);
    const { schema } = described.content["application/json"];
    assert.deepEqual(misfits(document, schema, { value: await response.json() }), [], asked);
  }
  assert.ok(document.paths["/health/ready"].get.responses[503]);
});

Deno.test("openapi.json: says what is taken where nothing is given", async () => {
  const { ask } = await openOnce();
  const { paths } = await (await ask("GET", "/openapi.json")).json();
  const defaults = (path: string) =>
    Object.fromEntries(
      paths[path].get.parameters.flatMap(
        ({ name, schema }: { name: string; schema: { default?: unknown } }) =>
          schema.default === undefined ? [] : [[name, schema.default]],
      ),
    );
  assert.deepEqual(defaults("/api/v1/klines"), {
    ...{ limit: 500, order: "asc", fill: "none", partial: "false" },
    ...{ format: "arrays", numbers: "number" },
  });
  assert.deepEqual(defaults("/api/v1/events"), { after: 0, limit: 100 });
  assert.deepEqual(defaults("/admin/crawler/logs"), { page: 1, size: 20 });
  assert.deepEqual(defaults("/api/v1/reports"), { numbers: "number", page: 1, size: 100 });
  assert.deepEqual(defaults("/admin/crawler/alerts"), { undelivered: "true", page: 1, size: 20 });
});

Deno.test("openapi.json: describes every form of a body, and the headers that are read", async () => {
  const { ask } = await openOnce();
  const document = await (await ask("GET", "/openapi.json")).json();
  const { paths } = document;
  const { content } = paths["/api/v1/series/{id}/klines"].post.requestBody;
  const { schema } = content["application/json"];
  const rows = [[1704067200000, "1", 2, 0.5, 1.5, null]];
  for (const value of [{ columns: ["open_time"], rows }, { rows }, rows]) {
    assert.deepEqual(misfits(document, schema, { value }), []);
  }
  for (const value of [{ columns: ["open_time"] }, "x", [1], { rows: {} }]) {
    assert.notDeepEqual(misfits(document, schema, { value }), [], JSON.stringify(value));
  }
  const parquet = "application/vnd.apache.parquet";
  const given = paths["/api/v1/klines"].get.responses[200].content[parquet];
  assert.deepEqual([content[parquet].schema.format, given.schema.format], ["binary", "binary"]);
  assert.equal(paths["/admin/crawler/{name}/pause"].post.requestBody.required, false);
  assert.equal(paths["/api/v1/series"].post.requestBody.required, true);
  assert.ok(headersOf(paths["/api/v1/events/stream"].get).includes("last-event-id"));
  const keyed = Object.entries<Record<string, Operation>>(paths).flatMap(([path, item]) =>
    Object.entries(item).filter(([, operation]) => headersOf(operation).includes("idempotency-key"))
      .map(([method]) => `${method} ${path}`)
  );
  assert.deepEqual(keyed.toSorted(), [
    "delete /api/v1/series/{id}",
    "delete /api/v1/series/{id}/klines",
    "post /admin/archive/run",
    "post /admin/crawl",
    "post /admin/crawler/{name}/pause",
    "post /admin/crawler/{name}/resume",
    "post /admin/crawler/{name}/run",
    "post /admin/projections/{name}/rebuild",
    "post /api/v1/series",
    "post /api/v1/series/{id}/klines",
  ]);
});

Deno.test("openapi.json: tells what a reader of candles would stumble over", async () => {
  const { ask } = await openOnce();
  const { paths } = await (await ask("GET", "/openapi.json")).json();
  const read: string = paths["/api/v1/klines"].get.description;
  for (const what of [/without `start`.*back/, /partial=true/, /18 decimals and 20 digits/]) {
    assert.match(read, what);
  }
  const { description } = paths["/api/v1/series/{id}/klines"].post;
  assert.match(description, /18 decimals and 20 digits/);
  assert.ok(paths["/api/v1/klines"].get.responses[304]);
});

Deno.test("openapi.json: names every code of a failure", async () => {
  const { ask } = await openOnce();
  const { components, info } = await (await ask("GET", "/openapi.json")).json();
  const codes: string[] = components.schemas.Failure.properties.error.properties.code.enum;
  for (const code of ["METHOD_NOT_ALLOWED", "CALLER_GONE", "NOT_FOUND", "STORAGE_FULL"]) {
    assert.ok(codes.includes(code), code);
    assert.match(info.description, new RegExp(`\`${code}\` \\d{3}: `));
  }
});

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

function headersOf({ parameters = [] }: Operation): string[] {
  return parameters.filter((one) => one.in === "header").map(({ name }) => name);
}

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
