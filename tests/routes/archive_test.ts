import { deepEqual, equal, match } from "node:assert/strict";
import { candle } from "@/tests/support/candles.ts";
import { createApp } from "@/routes/app.ts";
import { openApp, type TestApp, TOKENS } from "@/tests/support/app.ts";
import { databases } from "@/tests/support/database.ts";
import { until } from "@/tests/support/projections.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openFilled();
Deno.test.afterAll(async () => await (await opened)?.close());

const as = "admin" as const;
const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const MINUTE = 60_000;
const DAY = 86_400_000;
/** An ended month within the hot window. */
const FROM = Math.floor((Date.now() - 60 * DAY) / DAY) * DAY;

async function openFilled(): Promise<TestApp> {
  const app = await openApp({}, databases()[0]?.open);
  const candles = [0, 1, 2].map((n) => candle({ openTime: FROM + n * MINUTE }));
  const { position } = await app.house.ingest.ingestCandles(SERIES, candles, {
    ...{ source: "exchange", actor: "test", commandId: crypto.randomUUID() },
  });
  equal(await app.house.follower.waitFor(position, 20_000), true);
  return app;
}

async function ended({ json }: TestApp, id: string) {
  const path = `/admin/jobs/${id}`;
  await until(async () => (await json("GET", path, { as })).data.status !== "running");
  return (await json("GET", path, { as })).data;
}

Deno.test("POST archive run: tells what it would do, then does it, then finds nothing; GET shows it", async () => {
  const app = await openFilled();
  const run = async (json: unknown) => {
    const { status, data } = await app.json("POST", "/admin/archive/run", { as, json });
    equal(status, 202);
    return { ...await ended(app, data.job_id), run_id: data.run_id };
  };
  const planned = await run({ series: "binance:BTC/USDT:1m", dry_run: true });
  deepEqual(planned.result, {
    ...{ dry_run: true, periods_to_file: 1, rows_to_file: 3, rows_to_drop: 0 },
  });
  equal(planned.run_id, null, "what only tells is no run");
  const nothing = await run({ before: FROM });
  equal(nothing.result.periods_to_file, 0);
  match(nothing.run_id, /^[0-9a-f-]{36}$/);
  deepEqual(await recorded(app), [nothing.run_id], "a person started it");
  const { name, status, result, run_id } = await run({ series: ["binance.BTC-USDT.1m"] });
  deepEqual(await recorded(app), [run_id, nothing.run_id]);
  deepEqual([name, status, result.rows_filed, result.problems], ["archive", "succeeded", 3, 0]);
  equal((await run({})).result.periods_to_file, 0);
  await shows(app);
  await app.close();
});

/** Ids of the runs that GET shows. */
async function recorded({ house: { store, follower }, json }: TestApp): Promise<unknown[]> {
  equal(await follower.waitFor(await store.head(), 20_000), true);
  const { data } = await json("GET", "/admin/archive", { as });
  return data.runs.map((run: { run_id: string }) => run.run_id);
}

/** What waits, what lies in files, and the last runs. */
async function shows({ json }: TestApp): Promise<void> {
  const { data } = await json("GET", "/admin/archive", { as });
  const { next_at, totals: { file_bytes, ...totals }, runs, ...rest } = data;
  // The newest one had nothing to do but to read the files.
  const [{ rows_filed }, run] = runs;
  equal(rows_filed, 0);
  match(next_at, /T19:30:00.000Z$/);
  deepEqual(rest, {
    ...{ damaged: [], hot_days: 365, keep_replaced_days: 30, running: null },
    waiting: { periods_to_file: 0, rows_to_file: 0, rows_to_drop: 0 },
  });
  deepEqual(totals, { filed_periods: 1, filed_candles: 3, hot_rows: 3 });
  equal(file_bytes > 100, true);
  deepEqual([run.status, run.actor, run.rows_filed, run.problems_total], [
    ...["succeeded", "admin", 3, 0],
  ]);
  equal(run.bytes_after, file_bytes);
}

for (
  const [title, body, status] of [
    ["a series that is not held is 404", { series: "binance:NIX/USDT:1m" }, 404],
    ["a text that is no series is 404", { series: "nix" }, 404],
    ["what is no time is 422", { before: "soon" }, 422],
    ["an unknown field is 422", { all: true }, 422],
    ["a list of no series is 422", { series: [] }, 422],
  ] as const
) {
  Deno.test(`POST archive run: ${title}`, async () => {
    const { json } = await openOnce();
    equal((await json("POST", "/admin/archive/run", { as, json: body })).status, status);
  });
}

Deno.test("POST archive run: takes everything when nothing is sent", async () => {
  const app = await openOnce();
  for (const headers of [{}, { "content-type": "application/json" }]) {
    const { status, data } = await app.json("POST", "/admin/archive/run", { as, headers });
    equal(status, 202);
    equal((await ended(app, data.job_id)).status, "succeeded");
  }
  const { status } = await app.json("POST", "/admin/archive/run", { as, body: "before=2024" });
  equal(status, 415);
});

Deno.test("POST archive run: the same key answers the same run and job, also after a restart", async () => {
  const app = await openOnce();
  const before = (await recorded(app)).length;
  const headers = { "idempotency-key": "archive-once" };
  const start = (json: unknown = {}) =>
    app.json("POST", "/admin/archive/run", { as, json, headers });
  const [first, twin] = await Promise.all([start(), start()]);
  deepEqual([first.status, twin.status, twin.data], [202, 202, first.data]);
  equal((await ended(app, first.data.job_id)).status, "succeeded");
  deepEqual((await start()).data, first.data);
  const [newest, ...others] = await recorded(app);
  deepEqual([newest, others.length], [first.data.run_id, before]);

  const restarted = createApp(app.deps);
  const authorization = `Bearer ${TOKENS.admin}`;
  const again = async (body: unknown) => {
    const response = await restarted.request("/admin/archive/run", {
      ...{ method: "POST", body: JSON.stringify(body) },
      headers: { ...headers, authorization, "content-type": "application/json" },
    });
    return { status: response.status, ...await response.json() };
  };
  const { status, data } = await again({});
  deepEqual([status, data], [202, { run_id: first.data.run_id, job_id: null }]);
  for (const other of [await start({ before: FROM }), await again({ before: FROM })]) {
    deepEqual([other.status, other.error?.code], [422, "VALIDATION_ERROR"]);
  }
  equal((await recorded(app)).length, before + 1);
});

Deno.test("POST archive run: the same key answers the same job of a run that only tells", async () => {
  const app = await openOnce();
  const headers = { "idempotency-key": "archive-told" };
  const start = (dry_run: boolean) =>
    app.json("POST", "/admin/archive/run", { as, json: { dry_run }, headers });
  const first = await start(true);
  deepEqual([first.status, first.data.run_id], [202, null]);
  equal((await ended(app, first.data.job_id)).result.dry_run, true);
  deepEqual((await start(true)).data, first.data);
  equal((await start(false)).status, 422, "the real one is another body");
});

Deno.test("GET archive: no run is due where nothing is scheduled", async () => {
  const app = await openApp({ settings: { scheduled: false } });
  equal((await app.json("GET", "/admin/archive", { as })).data.next_at, null);
  await app.close();
});

Deno.test("archive routes: only an operator may see and start runs", async () => {
  const { json } = await openOnce();
  for (const actor of ["guest", "stranger", "reader", "writer"] as const) {
    const expected = actor === "guest" || actor === "stranger" ? 401 : 403;
    equal((await json("GET", "/admin/archive", { as: actor })).status, expected);
    const posted = await json("POST", "/admin/archive/run", { as: actor, json: {} });
    equal(posted.status, expected);
  }
});
