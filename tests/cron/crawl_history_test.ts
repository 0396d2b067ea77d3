import assert from "node:assert/strict";
import { crawlHistory } from "@/cron/crawl_history.ts";
import { createJobs } from "@/cron/jobs.ts";
import { decideSeries, ensureSeries } from "@/cron/series_commands.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { tableExchange } from "@/tests/support/table_exchange.ts";

const MINUTE = 60_000;
const START = utc("2024-01-20");
const COUNT = 20 * 1440;
const NOW = START + COUNT * MINUTE;

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

async function watch(
  exchange: string,
  { symbol, historyStart = null }: { symbol: string; historyStart?: number | null },
): Promise<SeriesRef> {
  const { store, follower } = house.house;
  const series = { exchange, symbol, interval: "1m" } as const;
  const doer = { actor: "test", commandId: crypto.randomUUID() };
  await ensureSeries({ store, isSimulated: () => false }, series, doer);
  const data = { seriesId: seriesId(series), historyStart };
  await decideSeries(store, { type: "WatchSeries", data }, doer);
  await follower.waitFor(await store.head());
  return series;
}

Deno.test("history crawl completes every watched series, each from its own start, beside a venue that fails", async () => {
  const candles = Array.from({ length: COUNT }, (_, i) => candle({ openTime: START + i * MINUTE }));
  const up = tableExchange({ id: "up", candles, now: () => NOW });
  const down = tableExchange({ id: "down", candles, now: () => NOW, fault: () => "down" });
  const whole = await watch("up", { symbol: "BTC/USDT" });
  const part = await watch("up", { symbol: "ETH/USDT", historyStart: NOW - 1440 * MINUTE });
  const failing = await watch("down", { symbol: "BTC/USDT" });
  const clock = leapingClock(NOW);
  const jobs = createJobs({ clock, log: quietLog });
  const deps = house.crawling(exchangesOf(up, down), { clock, historyStart: START });
  const job = crawlHistory(deps);
  const { promise, resolve } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  const { id } = jobs.start({
    ...{ name: job.name, key: job.name },
    run: async (context) => {
      const report = await job.run(context);
      resolve(report);
      return report;
    },
  });
  const report = await promise;
  const wanted = (COUNT - 256) + (1440 - 256);
  assert.deepEqual([report.series, report.failed, report.ingested], [3, 1, wanted]);
  const status = jobs.find(id);
  assert.equal(status?.unit, "candles");
  assert.ok((status?.done ?? 0) >= wanted && (status?.total ?? 0) >= wanted);
  const held = async (series: SeriesRef) =>
    (await house.house.series.find(seriesId(series)))?.candles;
  assert.deepEqual(
    [await held(whole), await held(part), await held(failing)],
    [COUNT - 256, 1440 - 256, 0],
  );
  const asked = up.requests.length;
  await job.run({ signal: new AbortController().signal, progress: silentProgress });
  // The candle before the live edge, which is not there yet, was perhaps still running.
  assert.ok(up.requests.slice(asked).every(({ from, to }) => to - from === MINUTE));
});
