import { deepEqual, ok } from "node:assert/strict";
import type { PartContext } from "@/cron/crawl_deps.ts";
import { recordAbsent } from "@/cron/record_absent.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { type EventStore, VersionConflict } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { crawlRun, exchangesOf, openCrawlHouse } from "@/tests/support/crawl_house.ts";

const START = utc("2024-04-02");
const MINUTE = 60_000;
const slot = (n: number): OpenTimeRange => [START + n * MINUTE, START + (n + 1) * MINUTE];

/** Counts the events that are read, and loses races while told to. */
function around(store: EventStore) {
  const seen = { read: 0, races: 0 };
  const watched: EventStore = {
    ...store,
    async readStream(...asked) {
      const answer = await store.readStream(...asked);
      seen.read += answer.events.length;
      return trusted(answer);
    },
    async append(...asked) {
      if (seen.races-- > 0) throw new VersionConflict(asked[0][0]?.stream ?? "", 0, 1);
      return await store.append(...asked);
    },
  };
  return { watched, seen };
}

Deno.test("absent slots", async (t) => {
  const house = await openCrawlHouse();
  try {
    const { ingest, store, series: board } = house.house;
    const series = { exchange: "table", symbol: "THIN/USDT", interval: "1m" } as const;
    const doer = () => ({ actor: "test", commandId: crypto.randomUUID() });
    for (let n = 0; n < 80; n += 2) {
      const bars = [candle({ openTime: START + n * MINUTE })];
      await ingest.ingestCandles(series, bars, { ...doer(), source: "exchange" });
    }
    const { watched, seen } = around(store);
    const record = (ranges: readonly OpenTimeRange[], now: number) =>
      recordAbsent(
        trusted<PartContext>({
          ...{ ...crawlRun(), series, asker: { now }, runId: crypto.randomUUID() },
          deps: { ...house.crawling(exchangesOf()), store: watched },
        }),
        ranges,
      );
    const absent = async () => {
      await house.house.follower.waitFor(await store.head(), 20_000);
      const { absent } = await board.coverage(seriesId(series));
      return absent.map(({ from, to }) => [from, to]);
    };

    await t.step("are recorded without reading the events of the period", async () => {
      for (const n of [1, 3, 5]) await record([slot(n)], START + 100 * MINUTE);
      deepEqual(await absent(), [slot(1), slot(3), slot(5)]);
      // What was recorded a moment before may not be shown yet.
      ok(seen.read <= 3, `${seen.read} events read`);
    });
    await t.step("are recorded though other writers come first, again and again", async () => {
      seen.races = 7;
      await record([slot(7)], START + 100 * MINUTE);
      deepEqual((await absent()).at(-1), slot(7));
    });
    await t.step("that are known to be absent, or held, record nothing", async () => {
      const before = await store.head();
      await record([slot(7), slot(8)], START + 100 * MINUTE);
      deepEqual(await store.head(), before);
    });
  } finally {
    await house.close();
  }
});
