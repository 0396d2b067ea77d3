import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Breaker } from "@/domain/crawlers/breaker.ts";
import { addRun, emptyDay, type SourceDay } from "@/domain/reports/source_day.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import {
  crawlerQueriesOf,
  crawlerTables,
  infoOf,
  recordOf,
  runOf,
} from "@/tests/support/crawler_tables.ts";
import { succeeded } from "@/tests/support/crawler_runs.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { type ParsedFamily, parseMetrics } from "@/tests/support/metrics_parser.ts";
import { until } from "@/tests/support/projections.ts";
import { raisedAlert } from "@/tests/support/raised_alerts.ts";

const as = "admin" as const;
const NOW = Date.parse("2026-03-01T10:30:00Z");
const HOUR = 3_600_000;
const NASTY = 'a"b\\c\nd';

/** Runs of openvlab that took so long. */
const dayOf = (durations: number[]): SourceDay =>
  durations.map((durationMs, i) => succeeded({ durationMs, runId: `${i}`, attempt: 2, rows: 0 }))
    .reduce(addRun, emptyDay("openvlab"));
const OLD: SourceDay = { ...dayOf([400, 500, 501]), rows: 30 };

const tables = crawlerTables({
  infos: [infoOf("openvlab"), infoOf("klines", { venue: NASTY }), infoOf("gaps", { venue: NASTY })],
  nextRuns: new Map([["openvlab", NOW + 1_500]]),
  runs: [runOf({ source: "openvlab" })],
  records: [
    recordOf("openvlab", {
      ...{ lastSuccessAt: NOW - 500, lastFailureAt: NOW - HOUR, lastStatus: "failed" },
      ...{ successRate24h: 0.5, successRate7d: 1, meanDurationMs: 1_250 },
    }),
  ],
  days: [
    { endedAt: NOW - 500 * HOUR, day: OLD },
    { endedAt: NOW - 1, day: { ...dayOf([4_000, 700_000]), timedOut: 2, rows: 5 } },
    { endedAt: NOW - 1, day: { ...emptyDay("klines"), crashed: 1, totalMs: 2_500, bytes: 9 } },
  ],
  breakers: new Map<string, Breaker>([[NASTY, { status: "open", until: NOW + 1 }]]),
  alerts: [
    { alert: raisedAlert(), deliveries: {} },
    {
      alert: raisedAlert({ alertId: "given-up", channels: ["wecom"] }),
      deliveries: { wecom: { status: "given_up", at: 1, attempt: 9, error: "", retryAt: null } },
    },
    {
      alert: raisedAlert({ alertId: "told" }),
      deliveries: { wecom: { status: "sent", at: 1, attempt: 1, error: null, retryAt: null } },
    },
  ],
});

let opened: Promise<TestApp> | undefined;
const openOnce = () =>
  opened ??= openApp({ tables, clock: fakeClock(NOW), alertChannels: ["wecom", "feishu"] });
Deno.test.afterAll(async () => await (await opened)?.close());

async function scrape(app: TestApp): Promise<readonly ParsedFamily[]> {
  const response = await app.ask("GET", "/metrics", { as });
  equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseMetrics(await response.text());
}

type Labels = Readonly<Record<string, string>>;

/** The value of a sample; undefined where there is none. */
function valueOf(all: readonly ParsedFamily[], name: string, labels: Labels = {}) {
  const samples = all.flatMap((one) => one.samples).filter((one) => one.name === name);
  return samples.find((one) =>
    Object.entries(labels).every(([label, value]) => one.labels[label] === value)
  )?.value;
}

Deno.test("GET metrics: counts the runs of all time by source and how they ended", async () => {
  const all = await scrape(await openOnce());
  const runs = (source: string, status: string) =>
    valueOf(all, "chandlery_crawler_runs_total", { source, status });
  deepEqual([runs("openvlab", "succeeded"), runs("openvlab", "timed_out")], [5, 2]);
  deepEqual([runs("klines", "crashed"), runs("klines", "failed")], [1, 0]);
  equal(valueOf(all, "chandlery_crawler_rows_total", { source: "openvlab" }), 35);
  equal(valueOf(all, "chandlery_crawler_bytes_total", { source: "klines" }), 9);
  equal(valueOf(all, "chandlery_crawler_run_seconds_total", { source: "klines" }), 2.5);
});

Deno.test("GET metrics: counts attempts, and runs by how long they took, over all time", async () => {
  const all = await scrape(await openOnce());
  const of = (name: string, labels: Labels = {}) =>
    valueOf(all, `chandlery_crawler_${name}`, { source: "openvlab", ...labels });
  equal(of("attempts_total"), 10);
  const bucket = (le: string) => of("run_duration_seconds_bucket", { le });
  deepEqual(["0.5", "1", "5", "600", "1800", "+Inf"].map(bucket), [2, 3, 4, 4, 5, 5]);
  deepEqual([of("run_duration_seconds_count"), of("run_duration_seconds_sum")], [5, 705.401]);
});

Deno.test("GET metrics: counts final failures by venue, exchanges among them, and shows their breakers", async () => {
  const app = await openApp({
    ...{ tables, clock: fakeClock(NOW) },
    exchangeStandings: () => [
      {
        ...{ exchange: "binance", failures: 7, lastError: "down" },
        breaker: { status: "open", until: NOW + 1 },
      },
    ],
  });
  try {
    const all = await scrape(app);
    const failures = (venue: string) =>
      valueOf(all, "chandlery_crawler_venue_failures_total", { venue });
    deepEqual([failures("openvlab"), failures("binance")], [2, 7]);
    const state = (state: string) =>
      valueOf(all, "chandlery_crawler_breaker_state", { venue: "binance", state });
    deepEqual([state("open"), state("closed")], [1, 0]);
  } finally {
    await app.close();
  }
});

Deno.test("GET metrics: counts candles as they come in, by their source, and no repeat", async () => {
  const app = await openApp({ tables, clock: fakeClock(NOW) });
  try {
    const json = { exchange: "binance", symbol: "BTC/USDT", interval: "1m", watch: false };
    const { data } = await app.json("POST", "/api/v1/series", { as, json });
    const post = async (...rows: string[]) => {
      const body = rows.map((row, i) => `${NOW - HOUR + i * 60_000},${row}`).join("\n");
      const headers = { "content-type": "text/csv" };
      const path = `/api/v1/series/${data.id}/klines`;
      equal((await app.json("POST", path, { as, body, headers })).status, 200);
    };
    await post("1,2,1,1,5", "1,2,1,1,5", "1,0.5,1,1,5");
    await post("1,2,1,1,5", "1,3,1,1,5");
    const all = await scrape(app);
    const of = (outcome: string, source = "api") =>
      valueOf(all, `chandlery_candles_${outcome}_total`, { source });
    deepEqual([of("ingested"), of("revised"), of("rejected")], [2, 1, 1]);
    equal(of("ingested", "exchange"), 0);
  } finally {
    await app.close();
  }
});

Deno.test("GET metrics: tells how each crawler is, in seconds; what is not known is left out", async () => {
  const all = await scrape(await openOnce());
  const of = (name: string, source = "openvlab") =>
    valueOf(all, `chandlery_crawler_${name}`, { source });
  equal(of("last_success_timestamp_seconds"), (NOW - 500) / 1_000);
  equal(of("last_failure_timestamp_seconds"), (NOW - HOUR) / 1_000);
  equal(of("next_run_timestamp_seconds"), (NOW + 1_500) / 1_000);
  equal(of("mean_duration_seconds"), 1.25);
  deepEqual([of("running"), of("running", "klines")], [1, 0]);
  deepEqual([of("last_success_timestamp_seconds", "klines"), of("mean_duration_seconds", "gaps")], [
    ...[undefined, undefined],
  ]);
  const ratio = (window: string) =>
    valueOf(all, "chandlery_crawler_success_ratio", { source: "openvlab", window });
  deepEqual([ratio("24h"), ratio("7d")], [0.5, 1]);
});

Deno.test("GET metrics: states are gauges of 0 and 1, a breaker's by its venue, whatever its name", async () => {
  const all = await scrape(await openOnce());
  const state = (state: string) =>
    valueOf(all, "chandlery_crawler_state", { source: "openvlab", state });
  deepEqual([state("failing"), state("ok"), state("paused")], [1, 0, 0]);
  const breaker = (venue: string, state: string) =>
    valueOf(all, "chandlery_crawler_breaker_state", { venue, state });
  deepEqual([breaker(NASTY, "open"), breaker(NASTY, "closed")], [1, 0]);
  equal(breaker("openvlab", "closed"), 1);
});

Deno.test("GET metrics: counts what each channel has not taken", async () => {
  const all = await scrape(await openOnce());
  const undelivered = (channel: string) =>
    valueOf(all, "chandlery_alerts_undelivered", { channel });
  deepEqual([undelivered("wecom"), undelivered("feishu")], [1, 2]);
  const givenUp = (channel: string) => valueOf(all, "chandlery_alerts_given_up", { channel });
  deepEqual([givenUp("wecom"), givenUp("feishu")], [1, 0]);
});

Deno.test("GET metrics: tells where the log and the read models are, and of the process", async () => {
  const app = await openOnce();
  const all = await scrape(app);
  const head = await app.house.store.head();
  equal(valueOf(all, "chandlery_log_position"), head);
  const projection = "series";
  equal(valueOf(all, "chandlery_projection_position", { projection }), head);
  equal(valueOf(all, "chandlery_projection_lag_events", { projection }), 0);
  equal(valueOf(all, "chandlery_projection_state", { projection, state: "live" }), 1);
  ok((valueOf(all, "process_resident_memory_bytes") ?? 0) > 10_000_000);
  ok((valueOf(all, "process_start_time_seconds") ?? Infinity) <= Date.now() / 1_000);
  equal(valueOf(all, "chandlery_build_info", { version: "0.0.0" }), 1);
  equal(valueOf(all, "chandlery_disk_free_bytes"), 10_000_000_000);
});

Deno.test("GET metrics: a part that fails or says nothing is left out, and the page says so", async () => {
  const clock = fakeClock(NOW);
  const app = await openApp({
    tables,
    clock,
    crawlerQueries: {
      ...crawlerQueriesOf(tables),
      records: () => Promise.reject(new Error("the database is gone")),
    },
    freeBytes: () => new Promise(() => {}),
  });
  try {
    const asked = scrape(app);
    // The disk alone is still waited for.
    await until(() => clock.sleepers().filter((ms) => ms === 5_000).length === 1);
    clock.advance(5_000);
    const all = await asked;
    const up = (part: string) => valueOf(all, "chandlery_metrics_up", { part });
    deepEqual([up("crawlers"), up("disk"), up("log"), up("alerts")], [0, 0, 1, 1]);
    equal(all.some(({ name }) => name.startsWith("chandlery_crawler")), false);
    equal(valueOf(all, "chandlery_disk_free_bytes"), undefined);
    ok(valueOf(all, "chandlery_log_position") !== undefined);
  } finally {
    await app.close();
  }
});

Deno.test("GET metrics: is the operator's, unless it is open", async () => {
  const app = await openOnce();
  const statuses = [];
  for (const actor of ["guest", "stranger", "writer", "admin"] as const) {
    const response = await app.ask("GET", "/metrics", { as: actor });
    statuses.push(response.status);
    await response.body?.cancel();
  }
  deepEqual(statuses, [401, 401, 403, 200]);
  const open = await openApp({ settings: { metrics: "open" } });
  try {
    const response = await open.ask("GET", "/metrics");
    equal(response.status, 200);
    match(await response.text(), /chandlery_build_info/);
  } finally {
    await open.close();
  }
});
