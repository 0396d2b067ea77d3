import assert from "node:assert/strict";
import { crawlSeries } from "@/cron/crawl_series.ts";
import type { CrawlDeps, CrawlSeriesRequest } from "@/cron/crawl_deps.ts";
import type { StoredEvent } from "@/events/define.ts";
import { DatabaseError } from "@/events/store/database.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { nextSlot } from "@/domain/klines/interval.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import {
  type CrawlHouse,
  crawlRun,
  exchangesOf,
  openCrawlHouse,
} from "@/tests/support/crawl_house.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import {
  type TableExchange,
  tableExchange,
  type TableOptions,
} from "@/tests/support/table_exchange.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const START = utc("2024-03-31T12:00:00");

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

interface Scene {
  readonly venue: TableExchange;
  readonly series: SeriesRef;
  readonly deps: CrawlDeps;
  crawl(
    request?: Partial<CrawlSeriesRequest>,
    signal?: AbortSignal,
  ): ReturnType<typeof crawlSeries>;
  /** All that the house holds. */
  held(): Promise<number[]>;
  events(type: string): Promise<readonly StoredEvent["data"][]>;
}

let scenes = 0;

/** A symbol of its own on a venue in memory. */
function scene(
  options: TableOptions & { interval?: SeriesRef["interval"] },
): Scene {
  const { interval = "1m" } = options;
  const venue = tableExchange(options);
  const series = { exchange: "table", symbol: `COIN${++scenes}/USDT`, interval };
  const deps = house.crawling(exchangesOf(venue), {
    clock: leapingClock(options.now()),
    historyStart: START,
  });
  return {
    ...{ venue, series, deps },
    async crawl(request = {}, signal) {
      const { follower, store } = house.house;
      try {
        return await crawlSeries(deps, { series, mode: "all", ...request }, crawlRun(signal));
      } finally {
        // What the next one goes by.
        assert.equal(await follower.waitFor(await store.head(), 20_000), true);
      }
    },
    async held() {
      const page = await house.house.reader.read({
        ...{ seriesId: seriesId(series), stored: interval, interval, start: 0, end: undefined },
        ...{ limit: 50_000, order: "asc", fill: "none", partial: true, format: "arrays" },
        numbers: "string",
      });
      const rows: [number][] = JSON.parse(new TextDecoder().decode(page.bytes));
      return rows.map(([openTime]) => openTime);
    },
    async events(type) {
      const all = await house.house.store.readAll({ after: 0, limit: 100_000, types: [type] });
      return all.map(({ data }) => data).filter((data) => data.seriesId === seriesId(series));
    },
  };
}

function minutes(count: number, from = START): Candle[] {
  return Array.from({ length: count }, (_, i) => candle({ openTime: from + i * MINUTE }));
}

const times = (candles: readonly Candle[]) => candles.map((c) => c.openTime);

Deno.test("crawl stores all closed candles of several periods and not the open one", async () => {
  const candles = minutes(1500);
  const { crawl, held, events } = scene({ candles, now: () => START + 1499 * MINUTE + 59_999 });
  const counts = await crawl();
  assert.equal(counts.ingested, 1499);
  assert.equal(counts.rejected, 0);
  assert.deepEqual(await held(), times(candles.slice(0, 1499)));
  const recorded = await events("KlinesRecorded");
  assert.deepEqual(new Set(recorded.map(({ period }) => period)), new Set(["2024-03", "2024-04"]));
});

Deno.test("crawl stores what came, once, though the store fails for a moment", async () => {
  const { series, deps, held } = scene({
    ...{ candles: minutes(20), now: () => START + 20 * MINUTE },
  });
  let failures = 0;
  const { ingest } = deps;
  const ingestCandles: typeof ingest.ingestCandles = async (...args) => {
    const outcome = await ingest.ingestCandles(...args);
    if (failures++ < 2) throw new DatabaseError("connection lost", {});
    return outcome;
  };
  const flaky = { ...deps, ingest: { ...ingest, ingestCandles } };
  await crawlSeries(flaky, { series, mode: "all" }, crawlRun());
  assert.equal(failures, 3);
  assert.deepEqual(await held(), times(minutes(20)));
});

Deno.test("crawl asks for the newest candles first", async () => {
  const { crawl, venue } = scene({ candles: minutes(1500), now: () => START + 1500 * MINUTE });
  await crawl();
  const [first, second] = venue.requests;
  assert.equal(first?.from, START + (1500 - 256) * MINUTE);
  assert.equal(second?.from, START);
  assert.deepEqual([first?.priority, second?.priority], ["live", "history"]);
});

Deno.test("crawl asks for nothing when nothing is missing", async () => {
  const { crawl, venue } = scene({ candles: minutes(1500), now: () => START + 1500 * MINUTE });
  await crawl();
  const asked = venue.requests.length;
  const again = await crawl();
  assert.equal(venue.requests.length, asked);
  assert.equal(again.ingested + again.unchanged + again.absent, 0);
});

Deno.test("crawl asks for the edge again with its last three candles, and revises them", async () => {
  let now = START + 100 * MINUTE;
  const candles = minutes(110);
  const table = [...candles];
  const { crawl, venue, held } = scene({ candles: table, now: () => now });
  await crawl();
  table[99] = candle({ openTime: START + 99 * MINUTE, volume: "7" });
  now += 2 * MINUTE;
  const counts = await crawl({ mode: "live" });
  assert.deepEqual([counts.ingested, counts.revised, counts.unchanged], [2, 1, 2]);
  assert.equal(venue.requests.at(-1)?.from, START + 97 * MINUTE);
  assert.equal((await held()).length, 102);
});

Deno.test("crawl records slots that the venue does not have, and asks for them again a day later", async () => {
  let now = START + 600 * MINUTE;
  const candles = minutes(600).filter((_, i) => i < 50 || i >= 60);
  const { crawl, venue, events, deps, series } = scene({ candles, now: () => now });
  const counts = await crawl();
  assert.equal(counts.absent, 10);
  const hole = [START + 50 * MINUTE, START + 60 * MINUTE];
  assert.deepEqual((await events("KlinesFoundAbsent")).map(({ ranges }) => ranges), [[hole]]);
  const asked = venue.requests.length;
  await crawl({ mode: "history" });
  assert.equal(venue.requests.length, asked, "not within a day");
  now += 25 * HOUR;
  await crawl({ mode: "history" });
  const { absent } = await deps.series.coverage(seriesId(series));
  assert.equal(absent.find(({ from }) => from === hole[0])?.asks, 2);
});

Deno.test("crawl of the live edge reads what its newest periods hold, not the years before", async () => {
  const now = utc("2024-03-01T01:00:00");
  const candles = minutes(9_000, utc("2024-02-28"))
    .filter(({ openTime }) => openTime < now);
  const { crawl, deps, series, venue } = scene({ candles, now: () => now });
  await crawl({ since: utc("2024-02-28") });
  const { coverage } = deps.series;
  const asked: (string | undefined)[] = [];
  const spied: CrawlDeps = {
    ...deps,
    series: {
      ...deps.series,
      coverage(id, from) {
        asked.push(from);
        return coverage(id, from);
      },
    },
  };
  const before = venue.requests.length;
  await crawlSeries(spied, { series, mode: "live" }, crawlRun());
  await crawlSeries(spied, { series, mode: "history", since: utc("2024-02-28") }, crawlRun());
  assert.deepEqual(asked, ["2024-02", undefined]);
  assert.equal(venue.requests.length, before, "all of it is held");
  const newest = await coverage(seriesId(series), "2024-03");
  assert.deepEqual(newest.held, [[utc("2024-03-01"), now]]);
  assert.equal((await coverage(seriesId(series), "2024-04")).held.length, 0);
});

Deno.test("crawl does not call a candle absent that closed a moment ago", async () => {
  const now = START + 100 * MINUTE;
  const { crawl, events } = scene({ candles: minutes(98), now: () => now });
  const counts = await crawl();
  assert.deepEqual([counts.absent, counts.late], [0, 1]);
  assert.deepEqual(await events("KlinesFoundAbsent"), []);
});

Deno.test("crawl finds the listing date with few requests and records what lies before", async () => {
  const listed = START + 20 * 1440 * MINUTE;
  const candles = minutes(500, listed);
  const { crawl, venue } = scene({ candles, now: () => listed + 500 * MINUTE });
  const counts = await crawl();
  assert.equal(counts.ingested, 500);
  assert.equal(counts.absent, 20 * 1440);
  assert.ok(venue.requests.length < 12, `${venue.requests.length} requests`);
});

Deno.test("crawl does not take an empty page after an error for the end", async () => {
  const candles = minutes(900);
  const faults = ["down", "empty", undefined, "empty", "down", "down", "empty"] as const;
  const { crawl, held } = scene({
    ...{ candles, now: () => START + 900 * MINUTE, pageLimit: 100 },
    fault: (n) => faults[n - 1],
  });
  await crawl();
  assert.deepEqual(await held(), times(candles));
});

Deno.test("crawl keeps what came before a failure and goes on from there", async () => {
  const candles = minutes(3000);
  let down = false;
  const { crawl, venue, held } = scene({
    ...{ candles, now: () => START + 3000 * MINUTE, pageLimit: 200 },
    // The third day does not answer.
    fault: () => down ? "down" : undefined,
  });
  await crawl({ until: START + 720 * MINUTE, mode: "history" });
  down = true;
  await assert.rejects(crawl({ mode: "history" }), /it is down/);
  const kept = (await held()).length;
  assert.equal(kept, 720);
  down = false;
  const asked = venue.requests.length;
  await crawl();
  assert.deepEqual(await held(), times(candles));
  const from = Math.min(...venue.requests.slice(asked).map((request) => request.from));
  assert.equal(from, START + 719 * MINUTE, "only the candle before the hole is asked for again");
});

Deno.test("crawl stops when aborted, records no failure, and a later one completes it", async () => {
  const candles = minutes(5000);
  const stop = new AbortController();
  const { crawl, held, events } = scene({
    ...{ candles, now: () => START + 5000 * MINUTE, pageLimit: 500 },
    fault(n) {
      if (n === 4) stop.abort(new Error("enough"));
      return undefined;
    },
  });
  await assert.rejects(crawl({}, stop.signal), /enough/);
  assert.deepEqual(await events("SeriesCrawlFailed"), []);
  await crawl();
  assert.deepEqual(await held(), times(candles));
});

Deno.test("crawl records that it fails once, and once that it works again", async () => {
  let down = false;
  let now = START + 10 * MINUTE;
  const { crawl, events, deps, series } = scene({
    ...{ candles: minutes(20), now: () => now },
    fault: () => down ? "down" : undefined,
  });
  await crawl();
  down = true;
  now += 5 * MINUTE;
  for (let i = 0; i < 3; i++) await assert.rejects(crawl());
  assert.deepEqual((await events("SeriesCrawlFailed")).map(({ error }) => error), [
    "Cannot ask table: it is down",
  ]);
  await house.house.follower.waitFor(await house.house.store.head());
  const [view] = (await deps.series.list()).filter(({ id }) => id === seriesId(series));
  assert.equal(view?.lastError, "Cannot ask table: it is down");
  down = false;
  await crawl();
  now += MINUTE;
  await crawl();
  assert.equal((await events("SeriesCrawlRecovered")).length, 1);
});

Deno.test("crawl does not read the series' stream where it goes on as it was", async () => {
  let down = false;
  const now = START + 10 * MINUTE;
  const { deps, series } = scene({
    ...{ candles: minutes(20), now: () => now, fault: () => down ? "down" : undefined },
  });
  const { store, follower } = house.house;
  const stream = `series-${seriesId(series)}`;
  let reads = 0;
  const spied: CrawlDeps = {
    ...deps,
    store: {
      ...store,
      readStream(name, options) {
        if (name === stream) reads++;
        return store.readStream(name, options);
      },
    },
  };
  const crawl = async () => {
    await crawlSeries(spied, { series, mode: "all", refetch: true }, crawlRun()).catch(() => {});
    await follower.waitFor(await store.head());
    const before = reads;
    reads = 0;
    return before;
  };
  await crawl();
  assert.equal(await crawl(), 0);
  down = true;
  assert.ok(await crawl() > 0);
  assert.equal(await crawl(), 0);
  down = false;
  assert.ok(await crawl() > 0);
  assert.equal(await crawl(), 0);
  const { events } = await store.readStream(stream);
  assert.deepEqual(events.map(({ type }) => type).slice(-2), [
    ...["SeriesCrawlFailed", "SeriesCrawlRecovered"],
  ]);
});

Deno.test("crawl asks again for what is held when told to refetch", async () => {
  const table = minutes(300);
  const { crawl } = scene({ candles: table, now: () => START + 300 * MINUTE });
  await crawl();
  table[5] = candle({ openTime: START + 5 * MINUTE, close: "10.5" });
  const counts = await crawl({ refetch: true });
  assert.deepEqual([counts.revised, counts.unchanged], [1, 299]);
});

Deno.test("crawl keeps to the wanted range", async () => {
  const { crawl, held } = scene({ candles: minutes(900), now: () => START + 900 * MINUTE });
  await crawl({ since: START + 100 * MINUTE, until: START + 130 * MINUTE });
  assert.deepEqual(await held(), times(minutes(900)).slice(100, 130));
});

Deno.test("crawl keeps off-grid candles and both of one slot", async () => {
  const odd = minutes(700).map((one, i) =>
    i > 100 ? { ...one, openTime: one.openTime + 20_799 } : one
  );
  const twin = candle({ openTime: START + 300 * MINUTE });
  const candles = [...odd, twin].sort((a, b) => a.openTime - b.openTime);
  const { crawl, held } = scene({ candles, now: () => START + 701 * MINUTE, pageLimit: 100 });
  await crawl();
  assert.deepEqual(await held(), times(candles));
});

for (const [interval, count] of [["1h", 600], ["1d", 300], ["1M", 15]] as const) {
  Deno.test(`crawl of ${interval} candles follows their calendar`, async () => {
    const candles = [candle({ openTime: nextSlot(interval, START) })];
    while (candles.length < count) {
      candles.push(candle({ openTime: nextSlot(interval, candles.at(-1)?.openTime ?? 0) }));
    }
    const end = nextSlot(interval, candles.at(-1)?.openTime ?? 0);
    const { crawl, held } = scene({ candles, interval, now: () => end, pageLimit: 100 });
    await crawl();
    assert.deepEqual(await held(), times(candles));
  });
}

Deno.test("crawl never asks for what was kept out before any of it was held", async () => {
  const candles = minutes(3_000);
  const { crawl, held, deps, series, events } = scene({
    candles,
    now: () => START + 3_000 * MINUTE,
  });
  await crawl({ since: START + 2_900 * MINUTE });
  const [from, to] = [START + 100 * MINUTE, START + 1_500 * MINUTE];
  const { removed } = await house.house.removal.remove({
    ...{ seriesId: seriesId(series), interval: "1m", from, to, reason: "not ours", keepOut: true },
    ...{ actor: "job:test", commandId: crypto.randomUUID() },
  });
  assert.equal(removed, 0);
  assert.deepEqual(
    (await events("KlinesDeleted")).map(({ period, keepOut }) => [period, keepOut]),
    [["2024-03", true], ["2024-04", true]],
  );
  await crawlSeries(deps, { series, mode: "all", refetch: true }, crawlRun());
  assert.deepEqual(await held(), times(candles).filter((time) => time < from || time >= to));
});

Deno.test("crawl of a series that its source brings is refused, and no failure of it", async () => {
  const { deps } = scene({ candles: [], now: () => START });
  const series = { exchange: "sina", symbol: "RB0", interval: "1d" } as const;
  const before = await house.house.store.head();
  await assert.rejects(crawlSeries(deps, { series, mode: "all" }, crawlRun()), {
    name: "Refusal",
    message: "Cannot crawl sina:RB0:1d: its source brings its candles",
  });
  assert.equal(await house.house.store.head(), before);
});
