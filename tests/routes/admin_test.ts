import assert from "node:assert/strict";
import { openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithSeries();
Deno.test.afterAll(async () => await (await opened)?.close());

const ID = "kraken.AAA-USDT.1m";
const as = "admin" as const;

async function openWithSeries(): Promise<TestApp> {
  const app = await openApp();
  const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as, json });
  return app;
}

Deno.test("GET projections: shows each read model and how far it is", async () => {
  const { json, house } = await openOnce();
  const { data } = await json("GET", "/admin/projections", { as });
  const head = await house.store.head();
  const names = data.map(({ name }: { name: string }) => name).toSorted();
  assert.deepEqual(names, ["kline_periods", "klines", "series"]);
  for (const { name, ...row } of data) {
    assert.deepEqual(row, {
      ...{ version: 1, status: "live", position: head, lag: 0, progress: null, last_error: null },
    }, name);
  }
});

Deno.test("POST rebuild: starts a job and answers its id; an unknown read model is 404", async () => {
  const { json, started } = await openOnce();
  const { status, data } = await json("POST", "/admin/projections/series/rebuild", { as });
  assert.equal(status, 202);
  assert.deepEqual(started.rebuilds, ["series"]);
  const job = await json("GET", `/admin/jobs/${data.job_id}`, { as });
  assert.deepEqual([job.data.name, job.data.status], ["rebuild", "running"]);
  assert.equal((await json("POST", "/admin/projections/nothing/rebuild", { as })).status, 404);
});

Deno.test("POST crawl: starts one of a known series, with its range, by id or as text", async () => {
  const { json, started } = await openOnce();
  const body = {
    series: "kraken:AAA/USDT:1m",
    since: "2024-01-01",
    until: 1704153600000,
    refetch: true,
  };
  const { status, data } = await json("POST", "/admin/crawl", { as, json: body });
  assert.equal(status, 202);
  assert.equal(typeof data.job_id, "string");
  const crawl = started.crawls.at(-1);
  assert.deepEqual({ ...crawl, series: crawl?.series.id }, {
    ...{ series: ID, since: 1704067200000, until: 1704153600000, refetch: true, actor: "admin" },
  });
  await json("POST", "/admin/crawl", { as, json: { series: ID } });
  const plain = started.crawls.at(-1);
  assert.deepEqual([plain?.since, plain?.until, plain?.refetch], [undefined, undefined, false]);
});

Deno.test("POST crawl: refuses what it cannot crawl, and starts nothing", async () => {
  const { json, started } = await openOnce();
  const before = started.crawls.length;
  const bodies: readonly [Record<string, unknown>, number][] = [
    [{ series: "kraken.NO-USDT.1m" }, 404],
    [{ series: "a:b" }, 422],
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
  const { json, started } = await openOnce();
  const ids: string[] = [];
  for (const _ of [1, 2]) {
    const { data } = await json("POST", "/admin/crawl", { as, json: { series: ID } });
    ids.push(data.job_id);
  }
  const [first = "", second = ""] = ids;
  const listed: string[] = (await json("GET", "/admin/jobs", { as })).data.map((
    { id }: { id: string },
  ) => id);
  assert.deepEqual(listed.slice(0, 2), [second, first]);
  const stopped = await json("DELETE", `/admin/jobs/${first}`, { as });
  assert.deepEqual([stopped.status, stopped.data.status], [202, "stopped"]);
  const again = await json("DELETE", `/admin/jobs/${first}`, { as });
  assert.deepEqual([again.status, again.data], [202, stopped.data]);
  assert.equal(started.jobs.get(second)?.status, "running");
});

Deno.test("jobs: what one counted is answered in snake_case", async () => {
  const { json, started } = await openOnce();
  const { data } = await json("POST", "/admin/crawl", { as, json: { series: ID } });
  const job = started.jobs.get(data.job_id);
  assert.ok(job);
  started.jobs.set(job.id, {
    ...job,
    ...{ status: "succeeded", done: 7, total: 7, finishedAt: new Date(60_000) },
    result: { heldBetter: 1, ranges: [{ firstOpenTime: 2 }] },
  });
  const { data: wire } = await json("GET", `/admin/jobs/${job.id}`, { as });
  const { result, started_at: startedAt, ...rest } = wire;
  assert.deepEqual(result, { held_better: 1, ranges: [{ first_open_time: 2 }] });
  assert.equal(startedAt, job.startedAt.toISOString());
  assert.deepEqual(rest, {
    ...{ id: job.id, name: "crawl", key: ID, status: "succeeded", error: null },
    ...{ label: `crawl ${ID}`, unit: "candles", done: 7, total: 7 },
    finished_at: "1970-01-01T00:01:00.000Z",
  });
});

Deno.test("jobs: unknown ones are 404", async () => {
  const { json } = await openOnce();
  assert.equal((await json("GET", "/admin/jobs/nothing", { as })).status, 404);
  assert.equal((await json("DELETE", "/admin/jobs/nothing", { as })).status, 404);
});
