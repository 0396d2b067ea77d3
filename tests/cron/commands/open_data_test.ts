import { deepEqual, rejects } from "node:assert/strict";
import { trusted } from "@/events/trust.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import { openInstallation } from "@/cron/commands/open_data.ts";
import { toRow } from "@/domain/klines/candle.ts";
import { Refusal } from "@/domain/decider.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { databases } from "@/tests/support/database.ts";
import { openHouse } from "@/tests/support/house.ts";

const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const START = utc("2024-05-01");
const noSources = { list: () => [], runToEnd: () => Promise.reject(new Error("not asked")) };
const doer = () => ({ actor: "test", commandId: crypto.randomUUID() });

function onlyBinance(exchange: string): Promise<unknown> {
  if (exchange === "binance") return Promise.resolve({});
  return Promise.reject(new Refusal("not_found", `Cannot find exchange ${exchange}`));
}

Deno.test("an installation shows what was acknowledged before it was opened, however far behind", async () => {
  const [pglite] = databases();
  if (pglite === undefined) throw new Error("no database to test on");
  const { database, close } = await pglite.open();
  const folder = await Deno.makeTempDir();
  const first = await openHouse(database, { folder });
  await first.ingest.ingestCandles(SERIES, [candle({ openTime: START })], {
    source: "exchange",
    ...doer(),
  });
  // The process ends after the append, before anything followed it.
  await first.follower.stop();
  const recorded: KlineEvent = {
    type: "KlinesRecorded",
    data: {
      ...{ seriesId: seriesId(SERIES), period: "2024-05", source: "exchange" },
      ...{ from: START + 60_000, to: START + 120_001, ingested: 2, revised: 0, unchanged: 0 },
      ...{ heldBetter: 0, added: [[START + 60_000, START + 180_000]], blob: null },
      candles: [1, 2].map((n) => toRow(candle({ openTime: START + n * 60_000 }))),
    },
  };
  const stream = `klines-${seriesId(SERIES)}-2024-05`;
  await first.store.append([{ stream, expected: "any", events: [recorded] }], doer());
  await first.close();

  const second = await openHouse(database, { folder });
  try {
    const { store, follower, series, reader, blobs, archiving } = second;
    const installation = openInstallation(trusted({
      ...{ store, follower, series, reader, blobs, archiving, supervisor: noSources },
      crawling: { exchanges: { isSimulated: () => false, get: onlyBinance } },
    }));
    const { candles } = await installation.findSeries(SERIES);
    deepEqual(candles, 3);
    const toImport = async (exchange: string) =>
      (await installation.addSeries({ ...SERIES, exchange, symbol: "NEW/USDT" })).id;
    deepEqual(await toImport("binance"), "binance.NEW-USDT.1m");
    deepEqual(await toImport("sina"), "sina.NEW-USDT.1m", "a source, no exchange");
    await rejects(toImport("binanse"), /Cannot find exchange binanse/);
    deepEqual((await series.list()).length, 1);
  } finally {
    await second.close();
    await close();
    await Deno.remove(folder, { recursive: true });
  }
});
