import { deepEqual, equal } from "node:assert/strict";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "@/routes/envelope.ts";
import { createHttpMeter } from "@/routes/http_meter.ts";
import { metricsText } from "@/routes/metrics_text.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { parseMetrics } from "@/tests/support/metrics_parser.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp();
Deno.test.afterAll(async () => await (await opened)?.close());

/** Routes as the meter of the app has them, `method route status`, with how often they were asked. */
async function requests({ ask }: TestApp): Promise<ReadonlyMap<string, number>> {
  const families = parseMetrics(await (await ask("GET", "/metrics", { as: "admin" })).text());
  const { samples = [] } = families.find(({ name }) => name === "chandlery_http_requests_total") ??
    {};
  return new Map(samples.map(({ labels, value }) => [
    `${labels.method} ${labels.route} ${labels.status}`,
    value,
  ]));
}

const ASKED: readonly [method: string, path: string, counted: string][] = [
  ["GET", "/health/live", "GET /health/live 200"],
  ["GET", "/health/live/", "GET /health/live 200"],
  ["HEAD", "/health/live", "HEAD /health/live 200"],
  ["GET", "/api/v1/series/none-1", "GET /api/v1/series/{id} 404"],
  ["GET", "/api/v1/series/none-2?x=1", "GET /api/v1/series/{id} 422"],
  ["GET", "/admin/jobs", "GET /admin/jobs 401"],
  ["GET", "/lake/a/b/c/d.parquet", "GET /lake/{exchange}/{pair}/{interval}/{file} 404"],
  ["GET", "/compat/binance/api/v3/ping", "GET /compat/binance/api/v3/ping 200"],
  ["GET", "/compat/binance/api/v3/nothing", "GET /compat/binance/* 404"],
  ["OPTIONS", "/api/v1/klines", "OPTIONS /api/v1/klines 204"],
  ["GET", "/docs", "GET /docs 200"],
  ["GET", "/nothing/here", "GET unmatched 404"],
  ["DELETE", "/nothing/there", "DELETE unmatched 404"],
  ["POST", "/health/live", "POST unmatched 405"],
  ["BREW", "/coffee", "OTHER unmatched 404"],
];

for (const [method, path, counted] of ASKED) {
  Deno.test(`http meter: ${method} ${path} counts as ${counted}`, async () => {
    const app = await openOnce();
    const before = (await requests(app)).get(counted) ?? 0;
    await (await app.ask(method, path)).body?.cancel();
    equal((await requests(app)).get(counted), before + 1);
  });
}

Deno.test("http meter: what is made up adds no series", async () => {
  const app = await openOnce();
  const ask = async (n: number) => {
    const paths = [`/x${n}`, `/api/v1/series/x${n}`, `/admin/crawlers/x${n}`, `/lake/${n}`];
    for (const path of paths) await (await app.ask("GET", path)).body?.cancel();
  };
  await ask(0);
  const before = (await requests(app)).size;
  for (let n = 1; n < 20; n++) await ask(n);
  equal((await requests(app)).size, before);
});

Deno.test("http meter: durations fall into buckets, and what fails is counted, too", async () => {
  let now = 0;
  const meter = createHttpMeter(() => now);
  const app = new OpenAPIHono<AppEnv>();
  app.use("*", meter.middleware);
  app.get("/wait/:ms", (c) => {
    now += Number(c.req.param("ms"));
    if (now > 60_000) throw new Error("too long");
    return c.text("");
  });
  app.onError((_, c) => c.text("", 500));
  for (const ms of [0, 1, 2, 40_000, 30_000]) await app.request(`/wait/${ms}`);
  const families = parseMetrics(metricsText(meter.families()));
  const samples = families.flatMap((family) => family.samples);
  const bucket = (le: string) => samples.find(({ labels }) => labels.le === le)?.value;
  deepEqual(["0.001", "0.0025", "0.005", "10", "30", "+Inf"].map(bucket), [2, 3, 3, 3, 4, 5]);
  const named = (end: string) => samples.filter(({ name }) => name.endsWith(end));
  deepEqual(named("_sum").map(({ value }) => value), [70.003]);
  deepEqual(named("requests_total").map(({ labels, value }) => [labels.status, value]), [
    ...[["200", 4], ["500", 1]],
  ]);
  deepEqual(named("in_flight").map(({ value }) => value), [0]);
});

Deno.test("http meter: a request whose answer has not begun is in flight", async () => {
  const meter = createHttpMeter(() => 0);
  const app = new OpenAPIHono<AppEnv>();
  app.use("*", meter.middleware);
  const waiting = Promise.withResolvers<void>();
  app.get("/", async (c) => {
    await waiting.promise;
    return c.text("");
  });
  const inFlight = () => meter.families().at(-1)?.samples[0]?.value;
  const asked = app.request("/");
  equal(inFlight(), 1);
  waiting.resolve();
  await asked;
  equal(inFlight(), 0);
});
