import { deepEqual, equal, match } from "node:assert/strict";
import { claimDataDir } from "@/adapters/claim_data_dir.ts";
import { type WireRow, wireRow } from "../support/binance_book.ts";
import { bookKey, startBinance } from "../support/binance_server.ts";
import { copyPristine } from "../support/place.ts";
import { interruptProgram, runProgram, type Settings, startProgram } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const MINUTE = 60_000;
const START = Date.UTC(2024, 0, 30);
const COUNT = 4 * 1440;
const RANGE = ["--since", "2024-01-30", "--until", "2024-02-03"];

/** Four days of minutes across the end of a month. */
function book(): Map<string, readonly WireRow[]> {
  const rows = Array.from({ length: COUNT }, (_, i) => {
    const close = String(40_000 + i / 4);
    const ohlc = { open: "40000", high: "42000", low: "39000.5", close, volume: "1.5" };
    const detail = { quoteVolume: "60000", tradesCount: i, takerBuyVolume: "1" };
    const openTime = START + i * MINUTE;
    return wireRow(
      { openTime, ...ohlc, ...detail, takerBuyQuoteVolume: "7", closeTime: null },
      "1m",
    );
  });
  return new Map([[bookKey("BTCUSDT", "1m"), rows]]);
}

interface Scene {
  readonly settings: Settings;
  readonly folder: string;
  /** Requests for candles so far. */
  asked(): number;
}

/** An exchange on loopback and an empty installation that asks it. */
async function withExchange(test: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "chandlery-e2e-" });
  await copyPristine(`${folder}/data`);
  const exchange = startBinance({ book: book(), now: () => START + (COUNT + 5) * MINUTE });
  const settings = {
    ...{ DATA_DIR: `${folder}/data`, WATCH: "none", CRON: "off", LOG_LEVEL: "error" },
    EXCHANGE_URLS: JSON.stringify({ binance: exchange.url }),
    EXCHANGE_INTERVAL_MS: "100",
  };
  try {
    await test({ settings, folder, asked: () => exchange.klineRequests().length });
  } finally {
    await exchange.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function exportedTimes({ settings, folder }: Scene): Promise<number[]> {
  const { code, stderr } = await runProgram(["export", SERIES, "--out", `${folder}/x.csv`], {
    settings,
  });
  equal(code, 0, stderr);
  const [, ...lines] = (await Deno.readTextFile(`${folder}/x.csv`)).trimEnd().split("\n");
  return lines.map((line) => Number(line.split(",")[0]));
}

const ALL = Array.from({ length: COUNT }, (_, i) => START + i * MINUTE);

for (const running of [false, true]) {
  const how = running ? "by the running one" : "on a stopped one";
  Deno.test(`crawl fetches a new series by the exchange's own name, then only what is missing, ${how}`, async () => {
    await withExchange(async (scene) => {
      const { settings, asked } = scene;
      const program = running ? await startProgram(settings) : undefined;
      const args = ["crawl", "binance:BTCUSDT:1m", ...RANGE, "--json"];
      const first = await runProgram(args, { settings });
      equal(first.code, 0, first.stderr);
      equal(JSON.parse(first.stdout).ingested, COUNT);
      deepEqual(await exportedTimes(scene), ALL);
      const before = asked();
      const again = await runProgram(args, { settings });
      deepEqual([again.code, JSON.parse(again.stdout).ingested], [0, 0], again.stderr);
      equal(asked() - before <= 1, true, `${asked() - before} requests for what is held`);
      const refetched = await runProgram([...args, "--refetch"], { settings });
      equal(JSON.parse(refetched.stdout).unchanged, COUNT);
      const wrong = await runProgram(["crawl", "binance:NO/USDT:1m"], { settings });
      equal(wrong.code, 1);
      match(wrong.stderr, /NO\/USDT/);
      if (program !== undefined) equal((await program.stop()).code, 0);
    });
  });
}

Deno.test("crawl that is stopped by Ctrl-C says so, and goes on where it stopped", async () => {
  await withExchange(async (scene) => {
    const { settings, asked } = scene;
    const args = ["crawl", SERIES, ...RANGE];
    const stopped = await interruptProgram(args, {
      ...{ settings, signal: "SIGINT", when: () => asked() >= 4 },
    });
    deepEqual([stopped.code, stopped.stdout], [130, ""], stopped.stderr);
    match(stopped.stderr, /Stopped; run it again to go on\.\n$/);
    const again = await runProgram([...args, "--json"], { settings });
    equal(again.code, 0, again.stderr);
    deepEqual(await exportedTimes(scene), ALL);
  });
});

Deno.test("a command on a directory where another one works is refused, not queued", async () => {
  await withExchange(async ({ settings }) => {
    const { lock } = await claimDataDir(settings.DATA_DIR ?? "");
    const { code, stderr } = await runProgram(["rebuild", "--all"], { settings });
    equal(code, 1);
    const sentence = `process ${Deno.pid} works on it; wait until it has ended.\n`;
    equal(stderr.endsWith(sentence), true, stderr);
    if (lock.held) await lock.release();
  });
});
