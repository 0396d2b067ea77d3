import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { crawlGaps, type GapsOptions } from "@/cron/crawl_gaps.ts";
import { SeriesCrawlsFailed } from "@/cron/crawl_failures.ts";
import type { JobReport } from "@/cron/job.ts";
import { decideSeries, ensureSeries } from "@/cron/series_commands.ts";
import { createVenueBreakers } from "@/cron/venue_breakers.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { tableExchange } from "@/tests/support/table_exchange.ts";
import { jobRun } from "../support/job_run.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const START = utc("2024-03-30");
const minute = (n: number) => START + n * MINUTE;

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

let venues = 0;

/** A watched series that holds these minutes of a venue that has others. */
async function scene({ held, has, options = {}, faulty = false }: {
  held: (n: number) => boolean;
  has: (n: number) => boolean;
  options?: GapsOptions;
  faulty?: boolean;
}) {
  const { store, follower, ingest, series: board } = house.house;
  let now = START + 10 * DAY;
  const candles = Array.from({ length: 3 * 1440 }, (_, n) => candle({ openTime: minute(n) }));
  const fault = () => faulty ? "down" as const : undefined;
  const venue = tableExchange({
    ...{ id: `gappy${++venues}`, now: () => now, fault },
    candles: candles.filter((_, n) => has(n)),
  });
  const series: SeriesRef = { exchange: venue.id, symbol: "BTC/USDT", interval: "1m" };
  const doer = () => ({ actor: "test", commandId: crypto.randomUUID() });
  const take = async (batch: readonly Candle[]) => {
    for (let at = 0; at < batch.length; at += 256) {
      await ingest.ingestCandles(series, batch.slice(at, at + 256), {
        ...doer(),
        source: "import",
      });
    }
  };
  await take(candles.filter((_, n) => held(n)));
  await ensureSeries({ store, isSimulated: () => false }, series, doer());
  const data = { seriesId: seriesId(series), historyStart: null };
  await decideSeries(store, { type: "WatchSeries", data }, doer());
  await follower.waitFor(await store.head());
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const exchanges = exchangesOf(venue);
  const breakers = createVenueBreakers({ clock, exchanges });
  const job = crawlGaps(house.crawling(exchanges, { clock }), breakers, options);
  return {
    ...{ venue, series, job },
    later: (ms: number) => now += ms,
    async run(signal = new AbortController().signal): Promise<JobReport> {
      const report = await job.run(jobRun({ signal, progress: silentProgress }));
      await follower.waitFor(await store.head());
      return report;
    },
    gaps: () => board.gaps(seriesId(series)),
    async end() {
      const command = { type: "UnwatchSeries", data: { seriesId: seriesId(series) } } as const;
      await decideSeries(store, command, doer());
      await follower.waitFor(await store.head());
    },
  };
}

const within = (from: number, to: number) => (n: number) => n >= from && n < to;

Deno.test("klines-gaps fills what the venue has and verifies what it has not, and asks for neither again", async () => {
  const [lost, empty] = [within(100, 130), within(2000, 2005)];
  const { run, gaps, venue, later, end } = await scene({
    held: (n) => !lost(n) && !empty(n),
    has: (n) => !empty(n),
  });
  const none = { verifiedEmpty: 0, rejected: 0, waiting: 0, failed: 0, leftOut: 0 };
  deepEqual(await run(), {
    ...none,
    ...{ series: 1, gaps: 2, asked: 35, filled: 30, stillOpen: 5, rows: 30 },
  });
  const open = { from: minute(2000), to: minute(2005), missing: 5, verifiedEmpty: false };
  deepEqual(await gaps(), [open]);
  later(DAY);
  deepEqual(await run(), {
    ...{ ...none, verifiedEmpty: 5 },
    ...{ series: 1, gaps: 1, asked: 5, filled: 0, stillOpen: 0, rows: 0 },
  });
  deepEqual(await gaps(), [{ ...open, verifiedEmpty: true }]);
  const asked = venue.requests.length;
  later(DAY);
  equal((await run()).gaps, 0);
  await end();
  equal(venue.requests.length, asked);
  ok(
    venue.requests.every(({ from, to }) =>
      (from >= minute(100) && to <= minute(130)) || (from >= minute(2000) && to <= minute(2005)) ||
      to - from > DAY
    ),
    "exactly these ranges, but for the look where the next candle is",
  );
});

Deno.test("klines-gaps is bounded, and the next run begins with what had to wait", async () => {
  const lost = (n: number) => n > 0 && n < 1000 && n % 100 < 3;
  const { run, gaps, end } = await scene({
    held: (n) => !lost(n),
    has: () => true,
    options: { mostGaps: 4, mostSlots: 8 },
  });
  const runs: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const { gaps: count, asked, filled, waiting } = await run();
    runs.push([count, asked, filled, waiting]);
  }
  // Ten holes, the first of two minutes, the others of three; the rest of one that is cut is another.
  deepEqual(runs, [[3, 8, 8, 7], [3, 8, 8, 4], [4, 8, 8, 1], [2, 5, 5, 0]]);
  deepEqual(await gaps(), []);
  await end();
});

Deno.test("klines-gaps begins no series after its time, and says how many gaps wait", async () => {
  const { run, venue, end } = await scene({
    held: (n) => n !== 7 && n !== 70,
    has: () => true,
    options: { longestMs: 0 },
  });
  const { gaps, waiting, failed } = await run();
  await end();
  deepEqual([gaps, waiting, failed], [0, 2, 0]);
  equal(venue.requests.length, 0);
});

Deno.test("klines-gaps never asks for what was deleted for good", async () => {
  const { run, series, venue, end } = await scene({ held: () => true, has: () => true });
  const { removal, store, follower } = house.house;
  await removal.remove({
    ...{ seriesId: seriesId(series), interval: "1m", from: minute(50), to: minute(60) },
    ...{ keepOut: true, reason: "test" },
    ...{ actor: "test", commandId: crypto.randomUUID() },
  });
  await follower.waitFor(await store.head());
  equal((await run()).gaps, 0);
  await end();
  equal(venue.requests.length, 0);
});

Deno.test("klines-gaps fails for a venue that does, and stops when told to", async () => {
  const { run, end } = await scene({ held: (n) => n !== 7, has: () => true, faulty: true });
  await rejects(run(), (error) => {
    ok(error instanceof SeriesCrawlsFailed);
    deepEqual([error.report.failed, error.report.asked], [1, 0]);
    return /Cannot crawl 1 of 1 series/.test(error.message);
  });
  const reason = new Error("enough");
  await rejects(run(AbortSignal.abort(reason)), reason);
  await end();
});
