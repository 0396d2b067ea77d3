import assert from "node:assert/strict";
import { crawlSeries } from "@/cron/crawl_series.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { realRows, type WireRow } from "@/tests/support/binance_book.ts";
import { type Faults, seeded } from "@/tests/support/binance_faults.ts";
import { bookKey, startBinance } from "@/tests/support/binance_server.ts";
import { utc } from "@/tests/support/candles.ts";
import { crawlRun, exchangesAt, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { realDataTest } from "@/tests/support/shared_data.ts";

interface Journey {
  readonly series: SeriesRef;
  readonly own: string;
  readonly rows: readonly WireRow[];
  readonly since: number;
  readonly now: number;
  readonly faults: Faults;
}

/** Crawls with the real client from a server that misbehaves; answers what is held and what is missing. */
async function crawl({ series, own, rows, since, now, faults }: Journey) {
  const server = startBinance({
    book: new Map([[bookKey(own, series.interval), rows]]),
    now: () => now,
    faults,
  });
  const crawled = await openCrawlHouse();
  const clock = leapingClock(now - 90_000);
  const exchanges = exchangesAt(series.exchange, { url: server.url, clock });
  try {
    const deps = crawled.crawling(exchanges, { clock, historyStart: since });
    const counts = await crawlSeries(deps, { series, mode: "all" }, crawlRun());
    const id = seriesId(series);
    const { follower, store } = crawled.house;
    assert.equal(await follower.waitFor(await store.head(), 60_000), true);
    const page = await crawled.house.reader.read({
      ...{ seriesId: id, stored: series.interval, interval: series.interval, start: 0, end: now },
      ...{ limit: 500_000, order: "asc", fill: "none", partial: true, format: "arrays" },
      numbers: "string",
    });
    const held: unknown[][] = JSON.parse(new TextDecoder().decode(page.bytes));
    const gaps = await deps.series.coverage(id);
    return { counts, held, absent: gaps.absent, requests: server.klineRequests() };
  } finally {
    await exchanges.close();
    await crawled.close();
    await server.close();
  }
}

/** A wire row as it is read back: exact values, without trailing zeros. */
function kept(row: WireRow, columns: number): unknown[] {
  return row.slice(0, columns).map((value) =>
    typeof value === "string" ? canonicalDecimal(value) : value
  );
}

realDataTest(
  "crawl with ccxt takes in every digit of a month with off-grid bars while the exchange fails",
  async () => {
    const all = await realRows("spot_1m/BTCUSDT-1m-2017.csv.gz", "1m");
    const [from, now] = [utc("2017-12-01"), utc("2017-12-20T00:00:30")];
    const rows = all.filter(([openTime]) => openTime >= from);
    const { counts, held, requests } = await crawl({
      series: { exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
      ...{ own: "BTCUSDT", rows, since: from, now, faults: seeded(7, 6) },
    });
    const closed = rows.filter(([openTime]) => openTime + 60_000 <= now);
    assert.equal(counts.rejected, 0);
    assert.equal(held.length, closed.length);
    assert.deepEqual(held.map((row) => row.slice(0, 6)), closed.map((row) => kept(row, 6)));
    assert.equal(
      held.filter(([openTime]) => Number(openTime) % 60_000 !== 0).length > 20_000,
      true,
    );
    for (const url of requests) assert.ok(Number(url.searchParams.get("limit")) <= 1000);
  },
);

realDataTest("crawl with ccxt records the exchange's outages as asked for and absent", async () => {
  const all = await realRows("spot_1m/BTCUSDT-1m-2020.csv.gz", "1m");
  const [from, now] = [utc("2020-02-01"), utc("2020-03-10")];
  const { held, absent } = await crawl({
    series: { exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
    ...{
      own: "BTCUSDT",
      rows: all.filter(([t]) => t >= from),
      since: from,
      now,
      faults: seeded(3, 9),
    },
  });
  assert.equal(held.length, all.filter(([t]) => t >= from && t < now).length);
  const outages: OpenTimeRange[] = [];
  for (let i = 1; i < held.length; i++) {
    const [before, after] = [Number(held[i - 1]?.[0]) + 60_000, Number(held[i]?.[0])];
    if (after > before) outages.push([before, after]);
  }
  assert.ok(outages.length >= 3);
  assert.deepEqual(absent.map(({ from, to }) => [from, to]), outages);
});

realDataTest("crawl with ccxt asks again for what the exchange was too slow to send", async () => {
  const rows = await realRows("futures_1m/FILUSDT-1m-2023-08.csv.gz", "1m");
  const now = utc("2023-08-03");
  let slow: string | null = null;
  const late = Promise.withResolvers<void>();
  const { held, counts, requests } = await crawl({
    series: { exchange: "binanceusdm", symbol: "FIL/USDT:USDT", interval: "1m" },
    ...{ own: "FILUSDT", rows, since: utc("2023-08-01"), now },
    faults({ n, url }) {
      const from = url.searchParams.get("startTime");
      if (n === 2) slow = from;
      // The client gave the answer up before it asked for the same candles again.
      else if (from === slow || n > 20) late.resolve();
      return n === 2 ? { kind: "slow", release: late.promise } : undefined;
    },
  });
  assert.deepEqual(held, rows.filter(([t]) => t < now).map((row) => kept(row, 11)));
  assert.equal(counts.rejected, 0);
  const asked = requests.map((url) => url.searchParams.get("startTime"));
  assert.equal(asked.filter((from) => from === slow).length, 2);
});

realDataTest("crawl with ccxt of USD-M futures keeps all columns", async () => {
  const rows = await realRows("futures_1m/FILUSDT-1m-2023-08.csv.gz", "1m");
  const now = utc("2023-08-04");
  const { held } = await crawl({
    series: { exchange: "binanceusdm", symbol: "FIL/USDT:USDT", interval: "1m" },
    ...{ own: "FILUSDT", rows, since: utc("2023-08-01"), now, faults: seeded(1, 4) },
  });
  assert.deepEqual(held, rows.filter(([t]) => t < now).map((row) => kept(row, 11)));
});
