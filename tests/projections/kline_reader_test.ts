import { deepEqual, equal, rejects } from "node:assert/strict";
import { createMemoryCache } from "@/adapters/cache/memory.ts";
import { systemClock } from "@/adapters/clock.ts";
import { openDb } from "@/projections/db.ts";
import { createKlineReader } from "@/projections/kline_reader.ts";
import { openReadModels } from "@/projections/read_models.ts";
import type { KlinePage, KlineQuery, KlineReader } from "@/domain/ports/kline_reader.ts";
import { databases } from "../support/database.ts";
import { type House, openHouse } from "../support/house.ts";
import { quietLog } from "../support/quiet_log.ts";

const MINUTE = 60_000;
const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const ID = "binance.BTC-USDT.1m";
/** Long ago: its period lies in a file. */
const COLD = Date.UTC(2020, 4, 31, 23, 50);
const HOT = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 3 * 86_400_000;

for (const { name, open } of databases()) {
  Deno.test(`kline reader on ${name}`, async (t) => {
    const { database, close } = await open();
    const folder = await Deno.makeTempDir();
    const house = await openHouse(database, { folder });
    try {
      for (const [tier, from] of [["hot rows", HOT], ["period files", COLD]] as const) {
        // Minutes 0, 1 and 12; the hole between them crosses a month where they lie in files.
        await put(house, [from, from + MINUTE, from + 12 * MINUTE]);
        const filled = async (query: Partial<KlineQuery>) =>
          (await read(house, { fill: "previous", ...query })).map(([at]) =>
            (Number(at) - from) / MINUTE
          );

        await t.step(`fills a hole inside the range from ${tier}`, async () => {
          const query = { start: from, end: from + 13 * MINUTE };
          deepEqual(await filled(query), Array.from({ length: 13 }, (_, i) => i));
        });
        await t.step(`fills a range that lies in a hole from ${tier}`, async () => {
          const query = { start: from + 5 * MINUTE, end: from + 8 * MINUTE };
          deepEqual(await filled(query), [5, 6, 7]);
          const [row] = await read(house, { ...query, fill: "previous" });
          deepEqual(row?.slice(1, 6), [1, 1, 1, 1, 0]);
        });
        await t.step(`fills page after page without losing a slot from ${tier}`, async () => {
          const pages: number[] = [];
          for (let at = 0; at < 13; at += 4) {
            const start = from + at * MINUTE;
            pages.push(...await filled({ start, end: from + 13 * MINUTE, limit: 4 }));
          }
          deepEqual(pages, Array.from({ length: 13 }, (_, i) => i));
        });
        await t.step(`fills backwards from ${tier}`, async () => {
          const query = { start: from + 3 * MINUTE, end: from + 9 * MINUTE, limit: 2 };
          deepEqual(await filled({ ...query, order: "desc" }), [8, 7]);
        });
        await t.step(
          `invents nothing before the first and after the last candle of ${tier}`,
          async () => {
            deepEqual(await filled({ start: from + 12 * MINUTE, end: from + 30 * MINUTE }), [12]);
            deepEqual(await read(house, { start: from + 2 * MINUTE, end: from + 12 * MINUTE }), []);
          },
        );
        await remove(house, from);
      }
      await t.step("answers from memory until a candle changes", async () => {
        await put(house, [HOT]);
        const query = { start: HOT, end: HOT + MINUTE };
        await read(house, query);
        equal((await page(house, query)).cached, true);
        await put(house, [HOT + 5 * MINUTE]);
        equal((await page(house, query)).cached, false);
      });
      for (const found of ["damaged", "whole"] as const) {
        await t.step(`answers from memory until one of the files is found ${found}`, async () => {
          const query = { start: HOT, end: HOT + MINUTE };
          await read(house, query);
          equal((await page(house, query)).cached, true);
          const file = { seriesId: ID, period: "2020-05", message: "its bytes hash to another" };
          const runId = crypto.randomUUID();
          const data = {
            ...{ runId, files: 1, bytes: 1, round: null, damaged: [], whole: [] },
            [found]: [file],
          };
          const { position } = await house.store.append([{
            stream: `archive-${runId}`,
            expected: "none",
            events: [{ type: "ArchiveFilesVerified", data }],
          }], { actor: "test", commandId: runId });
          equal(await house.follower.waitFor(position, 60_000), true);
          equal((await page(house, query)).cached, false);
        });
      }
      await t.step("refuses periods whose rows are not there yet", async () => {
        await put(house, [HOT, HOT + MINUTE, COLD]);
        // As after an upgrade that raises the version of the rows alone: an empty table, at the start.
        await house.follower.stop();
        await database.query("update checkpoint set pos = 0 where name = 'klines@1'");
        await database.query("delete from klines_v1");
        const cache = createMemoryCache<KlinePage>({ maxBytes: 1e6, sizeOf: () => 1 });
        const { lake, blobs, store } = house;
        const reader = createKlineReader({ database, db: openDb(database), lake, blobs, cache });
        const ask = (start: number, limit = 1, end?: number) =>
          read({ reader }, { start, limit, end });
        await rejects(ask(HOT), { name: "AdapterError", retryable: true });
        await rejects(ask(COLD, 2), /rows are being written/);
        equal((await ask(COLD, 1, COLD + MINUTE)).length, 1, "what lies in a file is served");
        const { follower } = openReadModels({
          ...{ database, store, lake, blobs, cache, clock: systemClock, log: quietLog },
        });
        await follower.start();
        await follower.waitFor(await store.head(), 20_000);
        equal((await ask(HOT, 2)).length, 2);
        await follower.stop();
      });
    } finally {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function put(house: House, openTimes: readonly number[]): Promise<void> {
  const candles = openTimes.map((openTime) => ({
    ...{ openTime, open: "1", high: "1", low: "1", close: "1", volume: "2", closeTime: null },
    ...{ quoteVolume: null, tradesCount: null, takerBuyVolume: null, takerBuyQuoteVolume: null },
  }));
  const { position } = await house.ingest.ingestCandles(SERIES, candles, {
    ...{ source: "exchange", actor: "test", commandId: crypto.randomUUID() },
  });
  equal(await house.follower.waitFor(position, 60_000), true);
}

async function remove(house: House, from: number): Promise<void> {
  const { position } = await house.removal.remove({
    ...{ seriesId: ID, interval: "1m", from, to: from + 100 * MINUTE, reason: "test" },
    ...{ keepOut: false, actor: "test", commandId: crypto.randomUUID() },
  });
  equal(await house.follower.waitFor(position, 60_000), true);
}

function page(house: { readonly reader: KlineReader }, query: Partial<KlineQuery>) {
  return house.reader.read({
    ...{ seriesId: ID, stored: "1m", interval: "1m", start: undefined, end: undefined, limit: 100 },
    ...{ order: "asc", fill: "none", partial: false, format: "arrays", numbers: "number" },
    ...query,
  });
}

async function read(
  house: { readonly reader: KlineReader },
  query: Partial<KlineQuery>,
): Promise<unknown[][]> {
  return JSON.parse(new TextDecoder().decode((await page(house, query)).bytes));
}
