import { seriesId } from "@/domain/klines/series_ref.ts";
import assert from "node:assert/strict";
import { settle } from "@/tests/support/fake_clock.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithSeries();
Deno.test.afterAll(async () => await (await opened)?.close());

const ID = "kraken.AAA-USDT.1m";
const as = "admin" as const;

async function openWithSeries(): Promise<TestApp> {
  const app = await openApp();
  await newSeries(app, "AAA");
  return app;
}

async function newSeries({ json }: TestApp, base: string): Promise<string> {
  const body = { exchange: "kraken", symbol: `${base}/USDT`, interval: "1m", watch: false };
  const { data } = await json("POST", "/api/v1/series", { as, json: body });
  return data.id;
}

/** Crawls are one at a time for a series: each test has one of its own. */
async function crawl(app: TestApp, base: string) {
  const series = await newSeries(app, base);
  const { data } = await app.json("POST", "/admin/crawl", { as, json: { series } });
  return { series, jobId: String(data.job_id) };
}

Deno.test("GET projections: shows each read model and how far it is", async () => {
  const { json, house } = await openOnce();
  const { data } = await json("GET", "/admin/projections", { as });
  const head = await house.store.head();
  const names = data.map(({ name }: { name: string }) => name).toSorted();
  assert.deepEqual(names, [
    ...["alert_deliveries", "archive_runs", "blob_uses"],
    ...["crawler_runs", "crawler_sources", "crawler_venues", "damaged_files", "file_rounds"],
    ...["kline_periods", "kline_refusals", "klines", "market_reports", "period_blobs"],
    ...["replaced_files", "series"],
  ]);
  const versions: Readonly<Record<string, number>> = {
    ...{ alert_deliveries: 2, crawler_runs: 2, crawler_sources: 3 },
    ...{ kline_refusals: 2, period_blobs: 3 },
  };
  for (const { name, ...row } of data) {
    assert.deepEqual(row, {
      ...{ version: versions[name] ?? 1, status: "live", position: head, lag: 0 },
      ...{ progress: null, last_error: null },
    }, name);
  }
});

Deno.test("POST rebuild: starts a job and answers its id; an unknown read model is 404, a body is empty", async () => {
  const { json, started } = await openOnce();
  const { status, data } = await json("POST", "/admin/projections/series/rebuild", { as });
  assert.equal(status, 202);
  assert.deepEqual(started.rebuilds, ["series"]);
  const job = await json("GET", `/admin/jobs/${data.job_id}`, { as });
  assert.deepEqual([job.data.name, job.data.status], ["rebuild", "running"]);
  assert.equal((await json("POST", "/admin/projections/nothing/rebuild", { as })).status, 404);
  const headers = { "content-type": "application/json" };
  const wrong = [['{"name":"series"}', 422], ["[]", 422], ["{", 400]] as const;
  for (const [body, refused] of wrong) {
    const path = "/admin/projections/klines/rebuild";
    assert.equal((await json("POST", path, { as, body, headers })).status, refused, body);
  }
  assert.deepEqual(started.rebuilds, ["series"]);
});

Deno.test("POST crawl: starts one of a known series, with its range, by id or as text", async () => {
  const app = await openOnce();
  const { json, started } = app;
  const series = await newSeries(app, "TXT");
  const body = {
    series: "kraken:TXT/USDT:1m",
    since: "2024-01-01",
    until: 1704153600000,
    refetch: true,
  };
  const { status, data } = await json("POST", "/admin/crawl", { as, json: body });
  assert.equal(status, 202);
  assert.equal(typeof data.job_id, "string");
  const asked = started.crawls.at(-1);
  assert.deepEqual({ ...asked, series: asked && seriesId(asked.series) }, {
    ...{ series, since: 1704067200000, until: 1704153600000, refetch: true, actor: "admin" },
  });
  await crawl(app, "PLAIN");
  const plain = started.crawls.at(-1);
  assert.deepEqual([plain?.since, plain?.until, plain?.refetch], [undefined, undefined, false]);
});

Deno.test("POST crawl: refuses bounds at which no candle opens", async () => {
  const app = await openOnce();
  const series = await newSeries(app, "BOUNDS");
  for (const [field, at] of [["since", -1e14], ["until", 253_402_300_800_000]] as const) {
    const json = { series, [field]: at };
    const { status, error } = await app.json("POST", "/admin/crawl", { as, json });
    assert.deepEqual([status, error.field], [422, field]);
  }
});

Deno.test("admin writes: the same key again answers the same job, for another body it is refused", async () => {
  const app = await openOnce();
  const headers = { "idempotency-key": "start-once" };
  const series = await newSeries(app, "ONCE");
  const start = (json: unknown) => app.json("POST", "/admin/crawl", { as, json, headers });
  const before = app.started.crawls.length;
  const [first, twin] = await Promise.all([start({ series }), start({ series })]);
  assert.deepEqual([first.status, twin.status], [202, 202]);
  assert.equal(twin.data.job_id, first.data.job_id);
  assert.equal((await start({ series })).data.job_id, first.data.job_id);
  assert.equal(app.started.crawls.length, before + 1);
  const other = await start({ series, refetch: true });
  assert.deepEqual([other.status, other.error.field], [422, "Idempotency-Key"]);
});

Deno.test("admin writes: a key that was refused may be used again", async () => {
  const app = await openOnce();
  const headers = { "idempotency-key": "refused-once" };
  const json = { series: "kraken.LATER-USDT.1m" };
  const start = () => app.json("POST", "/admin/crawl", { as, json, headers });
  assert.equal((await start()).status, 404);
  await newSeries(app, "LATER");
  assert.equal((await start()).status, 202);
});

Deno.test("POST rebuild: the same key again answers the same job", async () => {
  const app = await openApp();
  try {
    const path = "/admin/projections/series/rebuild";
    const headers = { "idempotency-key": "rebuild-once" };
    const [first, again] = [
      await app.json("POST", path, { as, headers }),
      await app.json("POST", path, { as, headers }),
    ];
    assert.deepEqual([again.status, again.data], [202, first.data]);
    const other = await app.json("POST", path, { as });
    assert.equal(other.status, 409);
    assert.deepEqual(other.error.details, [{ field: "job_id", message: first.data.job_id }]);
  } finally {
    await app.close();
  }
});

Deno.test("POST crawl: a series that is being crawled is 409", async () => {
  const app = await openOnce();
  const { series } = await crawl(app, "BUSY");
  const again = await app.json("POST", "/admin/crawl", { as, json: { series } });
  assert.deepEqual([again.status, again.error.code], [409, "CONFLICT"]);
});

Deno.test("POST crawl: starts one of a series that only its venue knows yet, by the venue's name", async () => {
  const { json, started } = await openOnce();
  const body = { series: "kraken:BTCUSDT:1h" };
  assert.equal((await json("POST", "/admin/crawl", { as, json: body })).status, 202);
  assert.deepEqual(started.crawls.at(-1)?.series, {
    ...{ exchange: "kraken", symbol: "BTC/USDT", interval: "1h" },
  });
});

Deno.test("POST crawl: refuses what it cannot crawl, and starts nothing", async () => {
  const { json, started } = await openOnce();
  const before = started.crawls.length;
  const bodies: readonly [Record<string, unknown>, number][] = [
    [{ series: "kraken.NO-USDT.1m" }, 404],
    [{ series: "a:b" }, 422],
    [{ series: "garbage" }, 422],
    [{ series: "" }, 422],
    [{ series: "BTCUSDT" }, 422],
    [{ series: "kraken.BTC-USDT" }, 422],
    [{ series: "kraken:NO/USDT:1m" }, 404],
    [{ series: "simulated:BTC/USDT:1m" }, 409],
    [{ series: ID, since: "soon" }, 422],
    [{ series: ID, since: "2024-01-02", until: "2024-01-01" }, 422],
    [{ series: ID, from: 1 }, 422],
    [{}, 422],
  ];
  for (const [body, status] of bodies) {
    const answer = await json("POST", "/admin/crawl", { as, json: body });
    assert.equal(answer.status, status, JSON.stringify(body));
  }
  assert.equal(started.crawls.length, before);
});

Deno.test("jobs: are listed the newest first, stopped, and stay as they ended", async () => {
  const app = await openOnce();
  const [first, second] = [await crawl(app, "ONE"), await crawl(app, "TWO")];
  const { data } = await app.json("GET", "/admin/jobs", { as });
  const listed: string[] = data.map(({ id }: { id: string }) => id);
  assert.ok(listed.indexOf(second.jobId) < listed.indexOf(first.jobId));
  const path = `/admin/jobs/${first.jobId}`;
  assert.equal((await app.json("DELETE", path, { as })).status, 202);
  await settle();
  const stopped = await app.json("GET", path, { as });
  assert.equal(stopped.data.status, "stopped");
  const again = await app.json("DELETE", path, { as });
  assert.deepEqual([again.status, again.data], [202, stopped.data]);
  const other = await app.json("GET", `/admin/jobs/${second.jobId}`, { as });
  assert.equal(other.data.status, "running");
});

Deno.test("jobs: what one counted is answered in snake_case", async () => {
  const app = await openOnce();
  const { series, jobId } = await crawl(app, "COUNT");
  app.started.finish(series, { heldBetter: 1, ranges: [{ firstOpenTime: 2 }] });
  await settle();
  const { data } = await app.json("GET", `/admin/jobs/${jobId}`, { as });
  const { result, started_at: startedAt, finished_at: finishedAt, ...rest } = data;
  assert.deepEqual(result, { held_better: 1, ranges: [{ first_open_time: 2 }] });
  assert.ok(Date.parse(startedAt) <= Date.parse(finishedAt));
  const { id, name, key, status, error } = rest;
  assert.deepEqual({ id, name, key, status, error }, {
    ...{ id: jobId, name: "crawl", key: series, status: "succeeded", error: null },
  });
});

Deno.test("jobs: unknown ones are 404", async () => {
  const { json } = await openOnce();
  assert.equal((await json("GET", "/admin/jobs/nothing", { as })).status, 404);
  assert.equal((await json("DELETE", "/admin/jobs/nothing", { as })).status, 404);
});
