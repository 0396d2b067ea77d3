import { deepEqual, equal, ok } from "node:assert/strict";
import { wireRow } from "../support/binance_book.ts";
import { bookKey, startBinance } from "../support/binance_server.ts";
import { databases } from "../support/database.ts";
import { fingerprint, killRepeatedly, runToEnd, seeded } from "../support/kill.ts";
import {
  KILL_SEED,
  minutesCsv,
  openScene,
  same,
  TODAY,
  withScenes,
} from "../support/kill_scene.ts";
import { startProgram } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const MINUTE = 60_000;
const DAY = 86_400_000;
const CRAWL_KILLS = 7;
const CRAWLED = 20_000;

for (const database of databases()) {
  const { name } = database;

  Deno.test(`crawl killed at random moments ends as an undisturbed one on ${name} (seed ${KILL_SEED})`, () =>
    withScenes(database, async ({ settings: calm }, { settings: rough }) => {
      const random = seeded(KILL_SEED);
      const from = TODAY - 100 * DAY;
      const to = from + CRAWLED * MINUTE;
      const exchange = startBinance({ book: book(from, CRAWLED), now: () => to + 10 * MINUTE });
      try {
        const urls = { EXCHANGE_URLS: JSON.stringify({ binance: exchange.url }) };
        const range = [
          "--since",
          new Date(from).toISOString(),
          "--until",
          new Date(to).toISOString(),
        ];
        const crawl = ["crawl", SERIES, ...range];
        await runToEnd(crawl, { ...calm, ...urls });
        const kills = await killRepeatedly({
          args: () => crawl,
          ...{ settings: { ...rough, ...urls }, count: CRAWL_KILLS, waitMs: () => 30 * random() },
          atWork() {
            const pages = exchange.klineRequests().length + 1 + Math.floor(2 * random());
            return () => exchange.klineRequests().length >= pages;
          },
        });
        await runToEnd(crawl, { ...rough, ...urls });
        const expected = await fingerprint(calm, SERIES);
        equal(expected.rows, CRAWLED);
        same(await fingerprint(rough, SERIES), expected);
        equal(kills, CRAWL_KILLS);
      } finally {
        await exchange.close();
      }
    }));

  Deno.test(`what was acknowledged over HTTP is there after kill -9 on ${name}`, async () => {
    const { settings, remove } = await openScene(database);
    try {
      const acknowledged: number[] = [];
      for (let life = 0; life < 3; life++) {
        const program = await startProgram(settings);
        await program.ask("/api/v1/series", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            exchange: "binance",
            symbol: "BTC/USDT",
            interval: "1m",
            watch: false,
          }),
        }).then((res) => res.body?.cancel());
        const posting = (async () => {
          for (let n = 0; n < 1_000; n++) {
            const from = TODAY - 90 * DAY + (life * 1_000 + n) * 10 * MINUTE;
            const res = await program.ask("/api/v1/series/binance.BTC-USDT.1m/klines", {
              method: "POST",
              headers: { "content-type": "text/csv" },
              body: minutesCsv(from, 10),
            }).catch(() => undefined);
            if (res?.status !== 200) return;
            if ((await res.json()).data.ingested === 10) acknowledged.push(from);
          }
        })();
        await until(() => acknowledged.length >= (life + 1) * 15);
        await program.stop("SIGKILL");
        await posting;
      }
      const program = await startProgram(settings);
      for (const from of acknowledged) {
        const query = `symbol=BTCUSDT&interval=1m&start=${from}&end=${from + 10 * MINUTE}`;
        const { data } = await (await program.get(`/api/v1/klines?${query}`)).json();
        // Each row as it was sent: [open time, open, high, low, close, volume, …].
        const sent = minutesCsv(from, 10).split("\n").map((line) => line.split(",").map(Number));
        deepEqual(data.map((row: unknown[]) => row.slice(0, 6).map(Number)), sent);
      }
      ok(acknowledged.length >= 45);
      equal((await program.stop()).code, 0);
    } finally {
      await remove();
    }
  });
}

function book(from: number, rows: number) {
  const candles = minutesCsv(from, rows).split("\n").map((line) => {
    const [openTime = "", open = "", high = "", low = "", close = "", volume = ""] = line.split(
      ",",
    );
    return wireRow({
      ...{ openTime: Number(openTime), open, high, low, close, volume, closeTime: null },
      ...{ quoteVolume: "1", tradesCount: 1, takerBuyVolume: "0", takerBuyQuoteVolume: "0" },
    }, "1m");
  });
  return new Map([[bookKey("BTCUSDT", "1m"), candles]]);
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!holds() && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
