import { deepEqual, equal, match, ok } from "node:assert/strict";
import { wireRow } from "../support/binance_book.ts";
import { bookKey, startBinance } from "../support/binance_server.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import {
  type Fingerprint,
  fingerprint,
  killRepeatedly,
  newFiles,
  runToEnd,
  type Scene,
  seeded,
  SPARE_LIVES,
} from "../support/kill.ts";
import { copyPristine } from "../support/place.ts";
import { runProgram, startProgram } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const MINUTE = 60_000;
const DAY = 86_400_000;
const ROWS_A_FILE = 600;
const IMPORT_KILLS = 7;
const CRAWL_KILLS = 7;
const REBUILD_KILLS = 6;
const CRAWLED = 20_000;
const NOW = Math.floor(Date.now() / DAY) * DAY;

/** Printed with a failure: the same seed kills at the same moments. */
const SEED = Number(Deno.env.get("KILL_SEED") ?? Date.now() % 1_000_000);

/** An empty installation, on the embedded database or on one of its own on the server. */
async function scene({ name, open }: TestDatabase): Promise<Scene> {
  const folder = await Deno.makeTempDir({ prefix: "kill-" });
  const { url, close } = name === "postgres"
    ? await open()
    : { url: undefined, close: () => Promise.resolve() };
  if (url === undefined) await copyPristine(`${folder}/data`);
  const settings = {
    ...{ DATA_DIR: `${folder}/data`, LOG_LEVEL: "error", CRON: "off", WATCH: "" },
    ...(url === undefined ? {} : { DATABASE_URL: url }),
  };
  return {
    folder,
    settings,
    async remove() {
      await close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function withScenes(
  database: TestDatabase,
  work: (calm: Scene, rough: Scene) => Promise<void>,
): Promise<void> {
  const [calm, rough] = [await scene(database), await scene(database)];
  try {
    await work(calm, rough);
  } finally {
    await calm.remove();
    await rough.remove();
  }
}

for (const database of databases()) {
  const { name } = database;

  Deno.test(`import and rebuild killed at random moments end as undisturbed ones on ${name} (seed ${SEED})`, () =>
    withScenes(database, async ({ folder, settings: calm }, { settings: rough }) => {
      const random = seeded(SEED);
      const files = await writeFiles(folder);
      await runToEnd(["import", SERIES, ...files], calm);
      const expected = await fingerprint(calm, SERIES);
      equal(expected.rows, files.length * ROWS_A_FILE);

      // Each life has one file more to take in: it dies after it has written the first of it.
      const imports = await killRepeatedly({
        args: (life) => ["import", SERIES, ...files.slice(0, life + 1)],
        ...{ settings: rough, count: IMPORT_KILLS, waitMs: () => 100 * random() },
        atWork: () => newFiles(rough),
      });
      await runToEnd(["import", SERIES, ...files], rough);
      same(await fingerprint(rough, SERIES), expected);

      // Between the first read model that is told as made and the last one.
      const rebuilds = await killRepeatedly({
        args: () => ["rebuild", "--all"],
        ...{ settings: rough, count: REBUILD_KILLS, waitMs: () => 40 * random() },
        atWork() {
          const lines = 1 + Math.floor(4 * random());
          return (said) => said.split("rebuild ").length > lines;
        },
      });
      same(await fingerprint(rough, SERIES), expected);
      await runToEnd(["rebuild", "--all"], rough);
      same(await fingerprint(rough, SERIES), expected);
      deepEqual([imports, rebuilds], [IMPORT_KILLS, REBUILD_KILLS]);
    }));

  Deno.test(`crawl killed at random moments ends as an undisturbed one on ${name} (seed ${SEED})`, () =>
    withScenes(database, async ({ settings: calm }, { settings: rough }) => {
      const random = seeded(SEED);
      const from = NOW - 100 * DAY;
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
    const { settings, remove } = await scene(database);
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
            const from = NOW - 90 * DAY + (life * 1_000 + n) * 10 * MINUTE;
            const res = await program.ask("/api/v1/series/binance.BTC-USDT.1m/klines", {
              method: "POST",
              headers: { "content-type": "text/csv" },
              body: csv(from, 10),
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
        const sent = csv(from, 10).split("\n").map((line) => line.split(",").map(Number));
        deepEqual(data.map((row: unknown[]) => row.slice(0, 6).map(Number)), sent);
      }
      ok(acknowledged.length >= 45);
      equal((await program.stop()).code, 0);
    } finally {
      await remove();
    }
  });
}

Deno.test("a second process on the same data directory is refused in one sentence", async () => {
  const folder = await Deno.makeTempDir();
  await copyPristine(`${folder}/data`);
  const settings = { DATA_DIR: `${folder}/data`, CRON: "off", WATCH: "" };
  const program = await startProgram(settings);
  const second = await runProgram(["serve"], { settings: { ...settings, PORT: "0" } });
  ok(second.code !== 0);
  match(second.stderr, new RegExp(`process ${program.pid}`));
  equal((await program.stop()).code, 0);
  await Deno.remove(folder, { recursive: true });
});

function same(found: Fingerprint, expected: Fingerprint): void {
  deepEqual(found, expected);
  equal(found.logIsDense, true);
}

/** Half of the months lie in files, half in hot rows; every batch is too large for its event. */
async function writeFiles(folder: string): Promise<string[]> {
  const months = Array.from({ length: IMPORT_KILLS + SPARE_LIVES }, (_, n) => n);
  return await Promise.all(months.map(async (n) => {
    const from = n % 2 === 0 ? Date.UTC(2019, n, 3) : NOW - (30 + 15 * n) * DAY;
    const path = `${folder}/part-${n}.csv`;
    await Deno.writeTextFile(path, csv(from, ROWS_A_FILE));
    return path;
  }));
}

function csv(from: number, rows: number): string {
  return Array.from({ length: rows }, (_, i) => {
    const price = 100 + Math.sin((from / MINUTE + i) / 50);
    const values = [price, price + 0.5, price - 0.5, price + 0.1].map((v) => v.toFixed(2));
    return [from + i * MINUTE, ...values, (1 + i % 7).toFixed(3)].join(",");
  }).join("\n");
}

function book(from: number, rows: number) {
  const candles = csv(from, rows).split("\n").map((line) => {
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
