import { deepEqual, equal } from "node:assert/strict";
import { crawlKlines } from "@/cron/crawl_klines.ts";
import { createVenueBreakers } from "@/cron/venue_breakers.ts";
import type { Recorded } from "@/events/define.ts";
import type { Exchange } from "@/domain/ports/exchange.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";
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

/** The job, at venues that answer for `SLOW…` only once these are let go, and for `BAD…` never. */
function openScene() {
  let now = NOW;
  const gate = Promise.withResolvers<void>();
  const asked: string[] = [];
  const dead = new Set<string>();
  const table = (id: string): Exchange => {
    const venue = tableExchange({ id, candles: CANDLES, now: () => NOW });
    return {
      ...venue,
      async fetchCandles(request, signal) {
        asked.push(request.symbol);
        if (dead.has(id) || request.symbol.startsWith("BAD")) {
          const how = { port: "exchange", op: "fetchCandles", retryable: true };
          throw new AdapterError(`Cannot ask ${id}`, how);
        }
        if (request.symbol.startsWith("SLOW")) await gate.promise;
        return await venue.fetchCandles(request, signal);
      },
    };
  };
  const exchanges = exchangesOf(table("one"), table("two"));
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const deps = house.crawling(exchanges, { clock, historyStart: START });
  const { projections } = deps;
  let listener: ((events: readonly Recorded[] | undefined) => void) | undefined;
  const breakers = createVenueBreakers({ clock, exchanges });
  const onApplied: typeof projections.onApplied = (told) => {
    listener = told;
    // As where another instance moves the read models: it is not said by which events.
    projections.onApplied((events) => told(isTold ? events : undefined));
  };
  let isTold = true;
  const job = crawlKlines({ ...deps, projections: { ...projections, onApplied } }, breakers);
  return {
    ...{ job, gate, dead, breakers },
    asked: (symbol: string) => until(() => asked.includes(symbol)),
    timesAsked: (symbol: string) => asked.filter((one) => one === symbol).length,
    add: (symbol: string, exchange = "one") => watch(house.house, { exchange, symbol }),
    complete: (one: Awaited<ReturnType<typeof watch>>) =>
      until(async () => await held(house.house, one) === COUNT),
    /** From now on the read models are moved by another instance. */
    followedElsewhere: () => isTold = false,
    /** Time goes by, and something moves the read models. */
    later(ms: number) {
      now += ms;
      listener?.(isTold ? [] : undefined);
    },
  };
}

Deno.test("what is added while a run goes on waits for no history, however many are long", async () => {
  const { job, gate, asked, add, complete } = openScene();
  const slow = await add("SLOW1/USDT");
  const series = [slow];
  const run = job.run(jobRun());
  await asked("SLOW1/USDT");
  for (const [symbol, exchange] of [["SLOW2/USDT", "one"], ["SLOW3/USDT", "two"]] as const) {
    series.push(await add(symbol, exchange));
    await asked(symbol);
  }
  for (const [symbol, exchange] of [["A/USDT", "one"], ["B/USDT", "two"]] as const) {
    const quick = await add(symbol, exchange);
    series.push(quick);
    await complete(quick);
  }
  equal(await held(house.house, slow), 0);
  gate.resolve();
  const report = await run;
  deepEqual([report.series, report.ingested, report.failed], [5, 5 * COUNT, 0]);
  equal(job.isWanted?.(), false, "none of them is left for another run");
  await unwatch(house.house, ...series);
});

Deno.test("more than a few long ones wait until one has ended, and none is forgotten", async () => {
  const { job, gate, asked, add, timesAsked } = openScene();
  const series = [await add("SLOW10/USDT")];
  const run = job.run(jobRun());
  await asked("SLOW10/USDT");
  for (let n = 11; n <= 14; n++) {
    series.push(await add(`SLOW${n}/USDT`));
    await asked(`SLOW${n}/USDT`);
  }
  for (let n = 15; n <= 17; n++) series.push(await add(`SLOW${n}/USDT`));
  equal(timesAsked("SLOW15/USDT"), 0);
  gate.resolve();
  const report = await run;
  deepEqual([report.series, report.ingested, report.failed], [8, 8 * COUNT, 0]);
  equal(job.isWanted?.(), false);
  await unwatch(house.house, ...series);
});

Deno.test("what another instance tells nobody of is found within a minute", async () => {
  const { job, gate, asked, add, complete, followedElsewhere, later, timesAsked } = openScene();
  const slow = await add("SLOW20/USDT");
  const run = job.run(jobRun());
  await asked("SLOW20/USDT");
  followedElsewhere();
  const series = await add("C/USDT", "two");
  equal(timesAsked("C/USDT"), 0);
  later(MINUTE);
  await complete(series);
  gate.resolve();
  equal((await run).series, 2);
  await unwatch(house.house, slow, series);
});

Deno.test("a series whose venue rests is begun once the venue is back, in the same run", async () => {
  const { job, gate, dead, asked, add, complete, later, breakers } = openScene();
  const slow = await add("SLOW30/USDT");
  const run = job.run(jobRun());
  await asked("SLOW30/USDT");
  dead.add("two");
  const error = new AdapterError("no", { port: "exchange", op: "x", retryable: true });
  const { signal } = new AbortController();
  const failed = { answered: 0, errors: [error], unasked: [] };
  for (let n = 0; n < 3; n++) await breakers.judge("two", failed, signal);
  equal(breakers.isLeftOut("two"), true);
  const series = await add("D/USDT", "two");
  dead.clear();
  await until(() => {
    later(10 * MINUTE);
    return !breakers.isLeftOut("two");
  });
  await complete(series);
  gate.resolve();
  const report = await run;
  deepEqual([report.series, report.leftOut, report.failed], [2, 0, 0]);
  await unwatch(house.house, slow, series);
});

Deno.test("a bad series that is added does not speak for its venue", async () => {
  const { job, gate, asked, add, breakers } = openScene();
  const series = [await add("SLOW40/USDT"), await add("E/USDT", "two")];
  const run = job.run(jobRun()).then(() => "", String);
  await asked("SLOW40/USDT");
  for (const n of [1, 2, 3]) {
    series.push(await add(`BAD${n}/USDT`, "two"));
    await asked(`BAD${n}/USDT`);
  }
  gate.resolve();
  equal(/Cannot crawl 3 of 5 series/.test(await run), true);
  equal(breakers.isLeftOut("two"), false);
  await unwatch(house.house, ...series);
});

Deno.test("one that a run has begun and that gets another start is left to the next run", async () => {
  const { job, gate, asked, add } = openScene();
  const slow = await add("SLOW50/USDT");
  const run = job.run(jobRun());
  await asked("SLOW50/USDT");
  await unwatch(house.house, slow);
  await add("SLOW50/USDT");
  await watch(house.house, { exchange: "one", symbol: "SLOW50/USDT", historyStart: START });
  gate.resolve();
  const report = await run;
  deepEqual([report.series, report.failed], [1, 0]);
  equal(job.isWanted?.(), true);
  await job.run(jobRun());
  equal(job.isWanted?.(), false);
  await unwatch(house.house, slow);
});

Deno.test("a run that is stopped ends with what was added to it", async () => {
  const { job, gate, asked, add } = openScene();
  const slow = await add("SLOW60/USDT");
  const control = new AbortController();
  const run = job.run(jobRun({ signal: control.signal })).then(() => "ended", (error) => error);
  await asked("SLOW60/USDT");
  const late = await add("SLOW61/USDT", "two");
  await asked("SLOW61/USDT");
  const reason = new Error("told to stop");
  control.abort(reason);
  gate.resolve();
  equal(await run, reason);
  await unwatch(house.house, slow, late);
});
