import assert from "node:assert/strict";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import { type CrawlHouse, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { LIVE_START as START, MINUTE, openLiveScene } from "@/tests/support/live_scene.ts";

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

Deno.test("live crawl follows a series that is added while it runs, also as the first one", async () => {
  const { watch, runs, venue, clock, stop } = openLiveScene(house, {});
  const sleep = clock.sleep;
  const added: SeriesRef[] = [];
  clock.sleep = async (ms, signal) => {
    if (added.length === 0) added.push(await watch("FIRST/USDT"));
    await sleep(ms, signal);
  };
  const time = venue.time;
  venue.time = async (signal) => {
    if (added.length === 1 && clock.now() > START + 2 * MINUTE) {
      added.push(await watch("SECOND/USDT"));
    }
    return await time(signal);
  };
  const { series } = await runs(1);
  await stop();
  assert.equal(series, 2);
  for (const one of added) {
    const held = await house.house.series.find(seriesId(one));
    assert.ok(held !== undefined && held.candles >= 5, JSON.stringify(held));
  }
});

/** When candles of a series are stored for the first time. */
function firstStored(series: SeriesRef): Promise<void> {
  const stored = Promise.withResolvers<void>();
  const unsubscribe = house.house.store.subscribe((events) => {
    const isStored = trusted<KlineEvent[]>(events).some(({ type, data }) =>
      type === "KlinesRecorded" && data.seriesId === seriesId(series)
    );
    if (!isStored) return;
    unsubscribe();
    stored.resolve();
  });
  return stored.promise;
}

const ADDED = [
  { after: MINUTE, others: 0 },
  { after: MINUTE, others: 1 },
  { after: MINUTE, others: 1, movedElsewhere: true },
  { after: 4 * MINUTE, others: 0 },
  { after: 4 * MINUTE, others: 1 },
];
for (const { after, others, ...options } of ADDED) {
  const name = `${after / MINUTE} min into its window, beside ${others} ${JSON.stringify(options)}`;
  Deno.test(`live crawl follows a series within five seconds of its being added, ${name}`, async () => {
    const { watch, runs, clock, stop } = openLiveScene(house, options);
    for (let i = 0; i < others; i++) await watch(`OLD${i}/USDT`);
    const { sleep } = clock;
    let [addedAt, storedAt] = [0, 0];
    clock.sleep = async (ms, signal) => {
      if (addedAt === 0 && clock.now() > START + after) {
        addedAt = clock.now();
        const stored = firstStored(await watch("NEW/USDT"));
        void stored.then(() => storedAt = clock.now());
      }
      await sleep(ms, signal);
    };
    await runs(1);
    await stop();
    const waitedMs = storedAt - addedAt;
    assert.ok(addedAt > 0 && waitedMs >= 0 && waitedMs <= 5_000, `${waitedMs} ms`);
  });
}

Deno.test("live crawl follows a series at once that is added while its venue is asked, and listed by another's follower", async () => {
  const { watch, runs, clock, stop, venue, other } = openLiveScene(house, {});
  await watch("OLD/USDT");
  await watch("OLD/USDT", other.id);
  let [addedAt, storedAt] = [0, 0];
  const [otherAsked, listed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let [isHeld, stored]: [boolean, Promise<void> | undefined] = [false, undefined];
  let adding: Promise<SeriesRef> | undefined;
  const { sleep } = clock;
  // However long it takes to add it, no time passes meanwhile.
  clock.sleep = (ms, signal) =>
    adding === undefined ? sleep(ms, signal) : adding.then(() => sleep(ms, signal));
  const { time } = venue;
  venue.time = async (signal) => {
    if (!isHeld && clock.now() > START + MINUTE) {
      isHeld = true;
      // From here on the other one has nothing to do but to rest.
      await otherAsked.promise;
      addedAt = clock.now();
      adding = watch("NEW/USDT");
      stored = firstStored(await adding);
      void stored.then(() => storedAt = clock.now());
      await listed.promise;
    }
    return await time(signal);
  };
  other.time = async (signal) => {
    if (isHeld) otherAsked.resolve();
    // Asked again because it has seen the new list; from here on the clock is the venue's own.
    if (stored !== undefined) listed.resolve();
    await stored;
    return await time(signal);
  };
  await runs(1);
  await stop();
  const waitedMs = storedAt - addedAt;
  assert.ok(addedAt > 0 && waitedMs >= 0 && waitedMs <= 5_000, `${waitedMs} ms`);
});
