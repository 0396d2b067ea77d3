import assert from "node:assert/strict";
import { crawlKlines } from "@/cron/crawl_klines.ts";
import { SeriesCrawlsFailed } from "@/cron/crawl_failures.ts";
import type { JobReport } from "@/cron/job.ts";
import { createJobs } from "@/cron/jobs.ts";
import { createVenueBreakers } from "@/cron/venue_breakers.ts";
import { failureOf } from "@/domain/crawlers/failure.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { tableExchange } from "@/tests/support/table_exchange.ts";
import { held, unwatch, watch } from "@/tests/support/watching.ts";
import { jobRun } from "../support/job_run.ts";

const MINUTE = 60_000;
const START = utc("2024-01-20");
const COUNT = 20 * 1440;
const NOW = START + COUNT * MINUTE;

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

Deno.test("klines completes every watched series, each from its own start, and then fails for a venue that does", async () => {
  const candles = Array.from({ length: COUNT }, (_, i) => candle({ openTime: START + i * MINUTE }));
  const up = tableExchange({ id: "up", candles, now: () => NOW });
  const down = tableExchange({ id: "down", candles, now: () => NOW, fault: () => "down" });
  const whole = await watch(house.house, { exchange: "up", symbol: "BTC/USDT" });
  const part = await watch(house.house, {
    exchange: "up",
    symbol: "ETH/USDT",
    historyStart: NOW - 1440 * MINUTE,
  });
  const failing = await watch(house.house, { exchange: "down", symbol: "BTC/USDT" });
  const clock = leapingClock(NOW);
  const jobs = createJobs({ clock, log: quietLog });
  const exchanges = exchangesOf(up, down);
  const deps = house.crawling(exchanges, { clock, historyStart: START });
  const job = crawlKlines(deps, createVenueBreakers({ clock, exchanges }));
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let stored = 0;
  const { id } = jobs.start({
    ...{ name: job.name, key: job.name },
    run: (context) =>
      job.run(jobRun({ ...context, stored: (rows) => stored += rows })).catch((error: unknown) => {
        resolve(error);
        throw error;
      }),
  });
  const error = await promise;
  assert.ok(error instanceof SeriesCrawlsFailed);
  const { report } = error;
  const wanted = COUNT + 1440;
  assert.deepEqual(
    [report.series, report.failed, report.leftOut, report.ingested, report.rows, stored],
    [3, 1, 0, wanted, wanted, wanted],
  );
  assert.equal(
    error.message,
    "Cannot crawl 1 of 3 series: down:BTC/USDT:1m (Cannot ask table: it is down)",
  );
  const { errorClass, retryable } = failureOf(error);
  assert.deepEqual([errorClass, retryable], ["NetworkError", true]);
  const status = jobs.find(id);
  assert.equal(status?.unit, "candles");
  assert.ok((status?.done ?? 0) >= wanted && (status?.total ?? 0) >= wanted);
  assert.deepEqual([
    await held(house.house, whole),
    await held(house.house, part),
    await held(house.house, failing),
  ], [COUNT, 1440, 0]);
  await unwatch(house.house, failing);
  const asked = up.requests.length;
  const again = await job.run(
    jobRun({ signal: new AbortController().signal, progress: silentProgress }),
  );
  assert.equal(again.rows, 0);
  assert.equal(up.requests.length, asked, "nothing is missing any more");
  await unwatch(house.house, whole, part);
});

Deno.test("klines is wanted before its time once a series was added, until it runs", async () => {
  const clock = leapingClock(NOW);
  const exchanges = exchangesOf(tableExchange({ id: "soon", candles: [], now: () => NOW }));
  const deps = house.crawling(exchanges, { clock, historyStart: START });
  const job = crawlKlines(deps, createVenueBreakers({ clock, exchanges }));
  assert.equal(job.isWanted?.(), false);
  const series = await watch(house.house, {
    exchange: "soon",
    symbol: "BTC/USDT",
    historyStart: NOW - MINUTE,
  });
  assert.equal(job.isWanted?.(), true);
  const { signal } = new AbortController();
  await job.run(jobRun({ signal, progress: silentProgress }));
  assert.equal(job.isWanted?.(), false);
  await unwatch(house.house, series);
  assert.equal(job.isWanted?.(), false, "what is not watched needs no history");
});

Deno.test("klines leaves a dead venue out after three runs, asks it for one candle, and goes on when that comes", async () => {
  let now = NOW;
  let dead = true;
  const candles = Array.from(
    { length: 300 },
    (_, i) => candle({ openTime: NOW - 200 * MINUTE + i * MINUTE }),
  );
  const fault = () => dead ? "down" as const : undefined;
  const down = tableExchange({ id: "dead", candles, now: () => now, fault });
  const up = tableExchange({ id: "fine", candles, now: () => now });
  const all = [
    await watch(house.house, { exchange: "dead", symbol: "A/USDT" }),
    await watch(house.house, { exchange: "dead", symbol: "B/USDT" }),
    await watch(house.house, { exchange: "fine", symbol: "A/USDT" }),
  ];
  // Only the test moves time on.
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const exchanges = exchangesOf(up, down);
  const deps = house.crawling(exchanges, { clock, historyStart: NOW - 200 * MINUTE });
  const job = crawlKlines(deps, createVenueBreakers({ clock, exchanges }));
  async function run(): Promise<JobReport & { requests: number; error?: Error }> {
    const before = down.requests.length;
    const signal = new AbortController().signal;
    const report = await job.run(jobRun({ signal, progress: silentProgress })).catch(
      (error: unknown) => {
        if (error instanceof SeriesCrawlsFailed) return { ...error.report, error };
        throw error;
      },
    );
    now += 2 * MINUTE;
    return { ...report, requests: down.requests.length - before };
  }
  const counts = (
    { failed, leftOut, requests }: Awaited<ReturnType<typeof run>>,
  ) => [failed, leftOut, requests > 0];
  for (let i = 0; i < 3; i++) assert.deepEqual(counts(await run()), [2, 0, true]);
  const out = await run();
  assert.deepEqual(counts(out), [0, 2, false]);
  assert.equal(
    out.error?.message,
    "2 of 3 series left out, their venue fails over and over: dead (Cannot ask table: it is down)",
  );
  assert.equal(failureOf(out.error).retryable, true);
  assert.equal(out.rows, 2, "the other venue is served");
  assert.deepEqual(counts(await run()), [0, 2, false]);
  const probed = await run();
  assert.deepEqual([probed.leftOut, probed.requests], [2, 1]);
  now += 3 * MINUTE;
  dead = false;
  const back = await run();
  await unwatch(house.house, ...all);
  assert.deepEqual([back.failed, back.leftOut, back.error], [0, 0, undefined]);
  const [a, b, fine] = await Promise.all(all.map((one) => held(house.house, one)));
  assert.deepEqual([a, b], [fine, fine]);
});

Deno.test("klines stops at once when aborted, without a word on its series", async () => {
  const up = tableExchange({ id: "quiet", candles: [], now: () => NOW });
  const series = await watch(house.house, { exchange: "quiet", symbol: "BTC/USDT" });
  const clock = leapingClock(NOW);
  const exchanges = exchangesOf(up);
  const job = crawlKlines(
    house.crawling(exchanges, { clock }),
    createVenueBreakers({ clock, exchanges }),
  );
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(job.run(jobRun({ signal, progress: silentProgress })), reason);
  assert.equal((await house.house.series.find(seriesId(series)))?.lastError, null);
  await unwatch(house.house, series);
});
