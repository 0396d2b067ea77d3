import assert from "node:assert/strict";
import { crawlLive } from "@/cron/crawl_live.ts";
import { decideSeries } from "@/cron/series_commands.ts";
import type { SeriesCommand } from "@/domain/series.ts";
import { type Interval, nextSlot, slotEnd, slotFrom } from "@/domain/klines/interval.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { trusted } from "@/events/trust.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { tableExchange, type TableOptions } from "@/tests/support/table_exchange.ts";

const MINUTE = 60_000;
const START = utc("2024-03-31T12:00:30");

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

let venues = 0;

/** A venue of its own with candles without end, followed minute by minute. */
function scene(
  options: Pick<TableOptions, "lagMs"> & { interval?: Interval; offset?: number } = {},
) {
  const { interval = "1m", offset = 0, ...table } = options;
  const clock = leapingClock(START);
  const candles = [];
  for (
    let t = slotFrom(interval, START - 10 * MINUTE);
    candles.length < 3000;
    t = nextSlot(interval, t)
  ) {
    candles.push(candle({ openTime: t }));
  }
  const now = () => clock.now() + offset;
  const venue = tableExchange({ id: `venue${++venues}`, candles, now, ...table });
  const deps = house.crawling(exchangesOf(venue), { clock, historyStart: START - 5 * MINUTE });
  /** How long after its close each candle was stored. */
  const delays: number[] = [];
  const unsubscribe = house.house.store.subscribe((events) => {
    for (const { type, data } of trusted<KlineEvent[]>(events)) {
      if (type !== "KlinesRecorded" || !data.seriesId.startsWith(`${venue.id}.`)) continue;
      for (const [openTime] of data.candles) delays.push(clock.now() - slotEnd(interval, openTime));
    }
  });
  const job = crawlLive(deps);
  const watched: SeriesRef[] = [];
  return {
    ...{ clock, venue, delays },
    /** Leaves no watched series to the next test. */
    async stop() {
      unsubscribe();
      for (const series of watched) {
        await decide({ type: "UnwatchSeries", data: { seriesId: seriesId(series) } });
      }
    },
    async watch(symbol: string): Promise<SeriesRef> {
      const series = { exchange: venue.id, symbol, interval };
      const { exchange } = series;
      const id = seriesId(series);
      await decide({
        type: "AddSeries",
        data: { seriesId: id, exchange, symbol, interval, simulated: false },
      });
      await decide({ type: "WatchSeries", data: { seriesId: id, historyStart: null } });
      watched.push(series);
      return series;
    },
    /** The runs of so many minutes, each at the start of its minute. */
    async minutes(count: number) {
      let report: Readonly<Record<string, unknown>> = {};
      for (let i = 0; i < count; i++) {
        report = await job.run({ signal: new AbortController().signal, progress: silentProgress });
        await clock.sleep(MINUTE - clock.now() % MINUTE);
      }
      return report;
    },
    run: (signal: AbortSignal) => job.run({ signal, progress: silentProgress }),
  };
}

async function decide(command: SeriesCommand): Promise<void> {
  const { store, follower } = house.house;
  await decideSeries(store, command, { actor: "test", commandId: crypto.randomUUID() });
  await follower.waitFor(await store.head());
}

async function heldOf(series: SeriesRef): Promise<number> {
  const view = await house.house.series.find(seriesId(series));
  return view?.candles ?? 0;
}

for (const interval of ["1s", "1m", "3m"] as const) {
  Deno.test(`live crawl stores each ${interval} candle within ten seconds of its close`, async () => {
    const { watch, minutes, delays, stop } = scene({ interval });
    await watch("BTC/USDT");
    await minutes(1);
    const before = delays.length;
    await minutes(4);
    const fresh = delays.slice(before);
    await stop();
    const least = { "1s": 236, "1m": 4, "3m": 1 }[interval];
    assert.ok(fresh.length >= least, `${fresh.length} candles`);
    assert.ok(Math.max(...fresh) <= 10_000, `${Math.max(...fresh)} ms`);
  });
}

for (const offset of [-25_000, 25_000]) {
  Deno.test(`live crawl goes by the venue's clock when ours is ${-offset} ms ahead of it`, async () => {
    const { watch, minutes, stop, clock } = scene({ offset });
    const series = await watch("BTC/USDT");
    await minutes(4);
    await stop();
    const lastOpenTime = (await house.house.series.find(seriesId(series)))?.lastOpenTime ?? 0;
    const venueNow = clock.now() + offset;
    assert.ok(lastOpenTime + MINUTE <= venueNow, "no candle that is open");
    assert.ok(lastOpenTime + 3 * MINUTE >= venueNow, "none of the last minutes missing");
  });
}

Deno.test("live crawl asks again soon for a candle that is late", async () => {
  const { watch, minutes, delays, stop } = scene({ lagMs: MINUTE + 3_500 });
  await watch("BTC/USDT");
  await minutes(1);
  const before = delays.length;
  await minutes(3);
  await stop();
  const fresh = delays.slice(before);
  assert.equal(fresh.length, 3);
  assert.ok(Math.max(...fresh) <= 10_000, `${fresh}`);
});

Deno.test("live crawl asks a few times a minute for a candle that never comes", async () => {
  const { watch, minutes, venue, stop } = scene({ lagMs: 30 * MINUTE });
  await watch("BTC/USDT");
  await minutes(1);
  const before = venue.requests.length;
  await minutes(10);
  await stop();
  assert.ok(venue.requests.length - before < 10 * 12, `${venue.requests.length - before}`);
});

Deno.test("live crawl of one symbol that fails does not stop the others", async () => {
  const { watch, minutes, venue, stop } = scene();
  const [good, bad] = [await watch("GOOD/USDT"), await watch("BAD/USDT")];
  const fetch = venue.fetchCandles;
  venue.fetchCandles = (request, signal) =>
    request.symbol === bad.symbol
      ? Promise.reject(new Error("the venue sent nonsense"))
      : fetch(request, signal);
  const report = await minutes(2);
  await stop();
  assert.ok(await heldOf(good) >= 5);
  assert.equal(await heldOf(bad), 0);
  assert.equal(report.failed, 1);
  const view = await house.house.series.find(seriesId(bad));
  assert.match(view?.lastError ?? "", /Cannot crawl/);
});

Deno.test("live crawl records it on each series when the venue does not answer at all", async () => {
  const { watch, minutes, venue, stop } = scene();
  const all = [await watch("A/USDT"), await watch("B/USDT")];
  venue.time = () => Promise.reject(new Error("no route"));
  assert.equal((await minutes(1)).failed, 2);
  await stop();
  for (const series of all) {
    assert.notEqual((await house.house.series.find(seriesId(series)))?.lastError, null);
  }
});

Deno.test("live crawl stops at once when aborted", async () => {
  const { watch, run, stop } = scene();
  await watch("BTC/USDT");
  const reason = new Error("enough");
  await assert.rejects(run(AbortSignal.abort(reason)), reason);
  await stop();
});
