import { deepEqual, equal } from "node:assert/strict";
import { crawlKlines } from "@/cron/crawl_klines.ts";
import { createVenueBreakers } from "@/cron/venue_breakers.ts";
import type { Exchange } from "@/domain/ports/exchange.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { jobRun } from "@/tests/support/job_run.ts";
import { until } from "@/tests/support/projections.ts";
import { tableExchange } from "@/tests/support/table_exchange.ts";
import { held, unwatch, watch } from "@/tests/support/watching.ts";

const MINUTE = 60_000;
const COUNT = 300;
const START = utc("2024-01-20");
const NOW = START + COUNT * MINUTE;
const CANDLES = Array.from({ length: COUNT }, (_, n) => candle({ openTime: START + n * MINUTE }));

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

/** The job, at venues that answer for `SLOW…/USDT` only once they are let go. */
function openScene() {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const table = (id: string): Exchange => {
    const venue = tableExchange({ id, candles: CANDLES, now: () => NOW });
    return {
      ...venue,
      async fetchCandles(request, signal) {
        if (request.symbol.startsWith("SLOW")) {
          asked.resolve();
          await gate.promise;
        }
        return await venue.fetchCandles(request, signal);
      },
    };
  };
  const exchanges = exchangesOf(table("one"), table("two"));
  const clock = leapingClock(NOW);
  const deps = house.crawling(exchanges, { clock, historyStart: START });
  const job = crawlKlines(deps, createVenueBreakers({ clock, exchanges }));
  return { job, gate, asked };
}

Deno.test("what is added while a long history is crawled does not wait for its end", async () => {
  const { job, gate, asked } = openScene();
  const slow = await watch(house.house, { exchange: "one", symbol: "SLOW/USDT" });
  const run = job.run(jobRun());
  await asked.promise;
  // One after the other, of a venue that is asked already and of one that is not.
  const added = [];
  for (const exchange of ["one", "two", "one"]) {
    const symbol = `N${added.length}/USDT`;
    const series = await watch(house.house, { exchange, symbol });
    added.push(series);
    await until(async () => await held(house.house, series) === COUNT);
  }
  equal(await held(house.house, slow), 0);
  gate.resolve();
  const report = await run;
  deepEqual([report.series, report.ingested, report.failed], [4, 4 * COUNT, 0]);
  equal(job.isWanted?.(), false, "none of them is left for another run");
  await unwatch(house.house, slow, ...added);
});

Deno.test("one that a run has begun and that is watched anew is left to the next run", async () => {
  const { job, gate, asked } = openScene();
  const slow = await watch(house.house, { exchange: "one", symbol: "SLOW2/USDT" });
  const run = job.run(jobRun());
  await asked.promise;
  await unwatch(house.house, slow);
  await watch(house.house, { exchange: "one", symbol: "SLOW2/USDT", historyStart: START });
  gate.resolve();
  const report = await run;
  deepEqual([report.series, report.failed], [1, 0]);
  equal(job.isWanted?.(), true);
  await job.run(jobRun());
  equal(job.isWanted?.(), false);
  await unwatch(house.house, slow);
});

Deno.test("a run that is stopped ends with what was added to it", async () => {
  const { job, gate, asked } = openScene();
  const slow = await watch(house.house, { exchange: "one", symbol: "SLOW3/USDT" });
  const control = new AbortController();
  const run = job.run(jobRun({ signal: control.signal })).then(() => "ended", (error) => error);
  await asked.promise;
  const late = await watch(house.house, { exchange: "two", symbol: "SLOW3/USDT" });
  const reason = new Error("told to stop");
  control.abort(reason);
  gate.resolve();
  equal(await run, reason);
  await unwatch(house.house, slow, late);
});
