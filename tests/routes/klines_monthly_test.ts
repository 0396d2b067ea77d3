import { deepEqual, equal } from "node:assert/strict";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";
import { databases } from "@/tests/support/database.ts";
import { until } from "@/tests/support/projections.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp({}, databases()[0]?.open);
Deno.test.afterAll(async () => await (await opened)?.close());

const as = "admin" as const;

/** Months from January 2020 on, without the third one. */
const MONTHS = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((month) => Date.UTC(2020, month));
const ROWS = MONTHS.map((openTime) => [openTime, "1", "2", "0.5", "1.5", "3"]);
const CSV = ROWS.map((row) => `${row.join(",")}\n`).join("");

let made = 0;

interface Monthly {
  readonly id: string;
  /** Path of its candles, to be followed by a query. */
  readonly klines: string;
  readonly read: string;
}

async function newSeries({ json }: TestApp): Promise<Monthly> {
  const symbol = `M${++made}/USDT`;
  const series = { exchange: "kraken", symbol, interval: "1M", watch: false };
  const { data: { id } } = await json("POST", "/api/v1/series", { as, json: series });
  const read = `/api/v1/klines?exchange=kraken&symbol=${symbol}&interval=1M&start=0`;
  return { id, read, klines: `/api/v1/series/${id}/klines` };
}

async function post({ json }: TestApp, { klines }: Monthly, options: AskOptions) {
  const { status, data, error } = await json("POST", klines, { as, ...options });
  equal(status, 200, error?.message);
  return [data.ingested, data.unchanged, data.rejected_total];
}

async function openTimes({ json }: TestApp, { read }: Monthly): Promise<unknown[]> {
  return (await json("GET", read)).data.map(([openTime]: unknown[]) => openTime);
}

async function bytesAs({ ask }: TestApp, { read }: Monthly, format: string) {
  const response = await ask("GET", `${read}&format=${format}`);
  equal(response.status, 200);
  return await response.arrayBuffer();
}

Deno.test("a 1M series takes JSON, CSV and its own Parquet, and gives each back", async () => {
  const app = await openOnce();
  const [first, second, third] = [
    await newSeries(app),
    await newSeries(app),
    await newSeries(app),
  ];
  deepEqual(await post(app, first, { json: { rows: ROWS } }), [12, 0, 0]);
  deepEqual(await post(app, first, { json: { rows: ROWS } }), [0, 12, 0]);
  const csv = await bytesAs(app, first, "csv");
  deepEqual(
    await post(app, second, { body: csv, headers: { "content-type": "text/csv" } }),
    [12, 0, 0],
  );
  const body = await bytesAs(app, second, "parquet");
  const headers = { "content-type": "application/vnd.apache.parquet" };
  deepEqual(await post(app, third, { body, headers }), [12, 0, 0]);
  for (const one of [first, second, third]) deepEqual(await openTimes(app, one), MONTHS);
  const objects = (await app.json("GET", `${third.read}&format=objects&fill=previous`)).data;
  deepEqual([objects.length, objects[1].close_time], [13, Date.UTC(2020, 2) - 1]);
});

Deno.test("an off-grid candle of a 1M series closes with its month, in every form", async () => {
  const app = await openOnce();
  const series = await newSeries(app);
  const [openTime, closeTime] = [Date.UTC(2020, 1, 29, 0, 0, 28), Date.UTC(2020, 2) - 1];
  const rows = [[openTime, 1, 2, 1, 1, 1, closeTime, null, null, null, null]];
  const headers = { "content-type": "text/csv" };
  await post(app, series, { body: `${rows[0]?.join(",")}\n`, headers });
  deepEqual((await app.json("GET", series.read)).data, rows);
  const [object] = (await app.json("GET", `${series.read}&format=objects`)).data;
  deepEqual([object.open_time, object.close_time], [openTime, closeTime]);
});

Deno.test("a 1M series refuses candles of a shorter interval", async () => {
  const app = await openOnce();
  const { klines } = await newSeries(app);
  const rows = Array.from(
    { length: 60 },
    (_, day) => [Date.UTC(2020, 0, 1 + day), 1, 2, 0.5, 1.5, 3],
  );
  const { status, error } = await app.json("POST", klines, { as, json: { rows } });
  deepEqual([status, error.message], [
    422,
    "Cannot take these as 1M candles: 60 of them lie in 2 slots",
  ]);
});

Deno.test("a 1M series knows its gaps and coverage, is filed, and loses a month by a delete", async () => {
  const app = await openOnce();
  const series = await newSeries(app);
  await post(app, series, { body: CSV, headers: { "content-type": "text/csv" } });
  const path = `/api/v1/series/${series.id}`;
  const gap = { from: Date.UTC(2020, 2), to: Date.UTC(2020, 3), missing: 1 };
  deepEqual((await app.json("GET", `${path}/gaps`)).data, [{ ...gap, verified_empty: false }]);
  const { data } = await app.json("GET", path);
  deepEqual([data.candles, data.gaps, Math.round(data.coverage_pct)], [12, 1, 92]);
  const [start, end] = [MONTHS[1], MONTHS[2]];
  const range = `start=${start}&end=${end}&reason=test`;
  const removed = await app.json("DELETE", `${series.klines}?${range}`, { as });
  equal(removed.data.removed, 1);
  deepEqual(await openTimes(app, series), MONTHS.filter((_, at) => at !== 1));
  await archived(app, series);
  deepEqual(await openTimes(app, series), MONTHS.filter((_, at) => at !== 1));
  deepEqual(
    await post(app, series, { json: { rows: ROWS } }),
    [1, 11, 0],
    "into what lies in a file as well",
  );
  deepEqual(await openTimes(app, series), MONTHS);
});

async function archived({ json }: TestApp, { id }: Monthly): Promise<void> {
  const run = await json("POST", "/admin/archive/run", { as, json: { series: id } });
  equal(run.status, 202);
  const path = `/admin/jobs/${run.data.job_id}`;
  await until(async () => (await json("GET", path, { as })).data.status !== "running");
  const { status, result } = (await json("GET", path, { as })).data;
  deepEqual([status, result.problems], ["succeeded", 0]);
}
