import assert from "node:assert/strict";
import { SeriesCrawlsFailed } from "@/cron/crawl_failures.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { type CrawlHouse, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import {
  decideFor,
  LIVE_START as START,
  type LiveSceneOptions,
  MINUTE,
  openLiveScene,
} from "@/tests/support/live_scene.ts";

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

const scene = (options: LiveSceneOptions = {}) => openLiveScene(house, options);

async function heldOf(series: SeriesRef): Promise<number> {
  const view = await house.house.series.find(seriesId(series));
  return view?.candles ?? 0;
}

for (const interval of ["1s", "1m", "3m"] as const) {
  Deno.test(`live crawl stores each ${interval} candle within ten seconds of its close`, async () => {
    const { watch, runs, delays, stop } = scene({ interval });
    await watch("BTC/USDT");
    await runs(1);
    const before = delays.length;
    const { rows, failed, leftOut } = await runs(1);
    const fresh = delays.slice(before);
    await stop();
    const least = { "1s": 290, "1m": 5, "3m": 1 }[interval];
    assert.ok(fresh.length >= least, `${fresh.length} candles`);
    assert.ok(Math.max(...fresh) <= 10_000, `${Math.max(...fresh)} ms`);
    assert.deepEqual([rows, failed, leftOut], [fresh.length, 0, 0]);
  });
}

for (const offset of [-25_000, 25_000]) {
  Deno.test(`live crawl goes by the venue's clock when ours is ${-offset} ms ahead of it`, async () => {
    const { watch, runs, stop, clock } = scene({ offset });
    const series = await watch("BTC/USDT");
    await runs(1);
    await stop();
    const lastOpenTime = (await house.house.series.find(seriesId(series)))?.lastOpenTime ?? 0;
    const venueNow = clock.now() + offset;
    assert.ok(lastOpenTime + MINUTE <= venueNow, "no candle that is open");
    assert.ok(lastOpenTime + 3 * MINUTE >= venueNow, "none of the last minutes missing");
  });
}

Deno.test("live crawl asks again soon for a candle that is late", async () => {
  const { watch, runs, delays, stop } = scene({ lagMs: MINUTE + 3_500 });
  await watch("BTC/USDT");
  await runs(1);
  const before = delays.length;
  await runs(1);
  await stop();
  const fresh = delays.slice(before);
  assert.equal(fresh.length, 5);
  assert.ok(Math.max(...fresh) <= 10_000, `${fresh}`);
});

Deno.test("live crawl asks a few times a minute for a candle that never comes", async () => {
  const { watch, runs, venue, stop } = scene({ lagMs: 30 * MINUTE });
  await watch("BTC/USDT");
  await runs(1);
  const before = venue.requests.length;
  await runs(2);
  await stop();
  assert.ok(venue.requests.length - before < 10 * 12, `${venue.requests.length - before}`);
});

Deno.test("live crawl of one symbol that fails serves the others and then fails with its reason", async () => {
  const { watch, runs, venue, stop } = scene();
  const [good, bad] = [await watch("GOOD/USDT"), await watch("BAD/USDT")];
  const fetch = venue.fetchCandles;
  venue.fetchCandles = (request, signal) =>
    request.symbol === bad.symbol
      ? Promise.reject(new Error("the venue sent nonsense"))
      : fetch(request, signal);
  const { error, failed, leftOut, rows } = await runs(2);
  await stop();
  const held = await heldOf(good);
  assert.ok(held >= 10, `${held}`);
  assert.equal(await heldOf(bad), 0);
  assert.deepEqual([failed, leftOut, rows], [1, 0, 5]);
  assert.ok(error instanceof SeriesCrawlsFailed);
  assert.match(
    error.message,
    /^Cannot crawl 1 of 2 series: venue\d+:BAD\/USDT:1m \(the venue sent/,
  );
  const view = await house.house.series.find(seriesId(bad));
  assert.match(view?.lastError ?? "", /Cannot crawl/);
});

Deno.test("live crawl does not fail for a series that comes right within its run", async () => {
  const { watch, runs, venue, clock, stop } = scene();
  const series = await watch("BTC/USDT");
  const fetch = venue.fetchCandles;
  venue.fetchCandles = (request, signal) =>
    clock.now() < START + 2 * MINUTE
      ? Promise.reject(new Error("the venue sent nonsense"))
      : fetch(request, signal);
  const report = await runs(1);
  await stop();
  assert.deepEqual([report.failed, report.error], [0, undefined]);
  assert.ok(await heldOf(series) >= 5);
  assert.equal((await house.house.series.find(seriesId(series)))?.lastError, null);
});

Deno.test("live crawl records it on each series when the venue does not answer at all", async () => {
  const { watch, runs, venue, stop } = scene();
  const all = [await watch("A/USDT"), await watch("B/USDT")];
  venue.time = () => Promise.reject(new Error("no route"));
  assert.equal((await runs(1)).failed, 2);
  await stop();
  for (const series of all) {
    assert.notEqual((await house.house.series.find(seriesId(series)))?.lastError, null);
  }
});

Deno.test("live crawl leaves a dead venue alone for five minutes, then asks for one candle, then goes on", async () => {
  let down = true;
  const { watch, runs, venue, stop } = scene({ fault: () => down ? "down" : undefined });
  const all = [await watch("A/USDT"), await watch("B/USDT"), await watch("C/USDT")];
  const first = await runs(1);
  assert.deepEqual([first.failed, first.leftOut], [0, 3]);
  assert.match(
    String(first.error),
    /3 of 3 series left out.*venue\d+ \(Cannot ask table: it is down\)/,
  );
  // Three rounds of three series, each asked three times: then nothing but probes.
  const before = venue.requests.length;
  assert.equal(before, 3 * 3 * 3);
  const second = await runs(3);
  assert.equal(second.leftOut, 3);
  const probes = venue.requests.slice(before);
  assert.ok(probes.length >= 2 && probes.length <= 4, `${probes.length} probes in 15 minutes`);
  assert.ok(probes.every(({ limit }) => limit === 1));
  down = false;
  const last = await runs(2);
  await stop();
  assert.deepEqual([last.failed, last.leftOut, last.error], [0, 0, undefined]);
  for (const series of all) assert.ok(await heldOf(series) >= 5);
});

Deno.test("live crawl never asks for series that their source brings", async () => {
  const { runs } = scene();
  const series = { exchange: "sina", symbol: "RB0", interval: "1d" } as const;
  const id = seriesId(series);
  await decideFor(house, {
    type: "AddSeries",
    data: { seriesId: id, ...series, simulated: false },
  });
  await decideFor(house, { type: "WatchSeries", data: { seriesId: id, historyStart: null } });
  const report = await runs(1);
  await decideFor(house, { type: "UnwatchSeries", data: { seriesId: id } });
  assert.deepEqual([report.series, report.failed, report.error], [0, 0, undefined]);
  assert.equal((await house.house.series.find(id))?.lastError, null);
});

Deno.test("series to follow are listed as they are watched, with what a crawl needs of them", async () => {
  const { watch, stop } = scene();
  const [b, a] = [await watch("B/USDT"), await watch("A/USDT")];
  const { series } = house.house;
  const listed = await series.watched();
  assert.deepEqual(
    listed,
    [a, b].map((one) => ({ id: seriesId(one), ...one, historyStart: null, lastError: null })),
  );
  await stop();
  assert.deepEqual(await series.watched(), []);
});

Deno.test("live crawl that is told to stop ends well, with what it has done", async () => {
  const { watch, run, venue, clock, stop } = scene();
  const series = await watch("BTC/USDT");
  const stopping = new AbortController();
  const time = venue.time;
  venue.time = (signal) => {
    if (clock.now() > START + 2 * MINUTE) stopping.abort(new DOMException("Stop", "AbortError"));
    return time(signal);
  };
  const report = await run(stopping.signal);
  await stop();
  assert.deepEqual([report.series, report.failed], [1, 0]);
  assert.equal(report.rows, await heldOf(series));
  assert.ok(Number(report.rows) >= 6);
  assert.equal((await house.house.series.find(seriesId(series)))?.lastError, null);
});

Deno.test("live crawl that takes too long fails with its time limit", async () => {
  const { watch, run, stop } = scene();
  await watch("BTC/USDT");
  const reason = new DOMException("300 s are over", "TimeoutError");
  await assert.rejects(run(AbortSignal.abort(reason)), reason);
  await stop();
});
