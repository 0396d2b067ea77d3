import { equal, match, ok, rejects } from "node:assert/strict";
import { type DailyReportDeps, findDailyReport } from "@/cron/daily_report.ts";
import { dateIn } from "@/cron/local_day.ts";
import { decideSeries } from "@/cron/series_commands.ts";
import { systemClock } from "@/adapters/clock.ts";
import { createCrawlerQueries } from "@/projections/crawler_board.ts";
import { openDb } from "@/projections/db.ts";
import type { House } from "@/tests/support/house.ts";
import { archive, archiveTest, ID, MINUTE, minutes, put } from "./archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const OTHER = { exchange: "binance", symbol: "ETH/USDT", interval: "1m" } as const;

/** The report of today as far as it goes. */
async function reported({ archiving, series, database }: House): Promise<string> {
  const deps: DailyReportDeps = {
    ...{ db: archiving.db, queries: createCrawlerQueries(openDb(database)), series },
    disk: () => Promise.resolve({ freeBytes: 9e10, totalBytes: 1e11, dataBytes: 1e9 }),
    ...{ channels: [], clock: systemClock, language: "en", timeZone: "UTC" },
  };
  const report = await findDailyReport(deps, dateIn("UTC", systemClock.now()));
  return report?.markdown ?? "";
}

archiveTest("daily report: says what is missing, and how the archive is", async (house) => {
  const { store, follower } = house;
  await put(house, minutes(JAN, 5));
  await put(house, minutes(JAN + 12 * MINUTE, 5));
  await put(house, minutes(JAN, 1), { series: OTHER });
  await put(house, minutes(JAN + 3 * MINUTE, 1), { series: OTHER });
  const watch = { type: "WatchSeries", data: { seriesId: ID, historyStart: null } } as const;
  await decideSeries(store, watch, { actor: "test", commandId: crypto.randomUUID() });
  await follower.waitFor(await store.head());
  const before = await reported(house);
  match(before, /binance\.BTC-USDT\.1m · 7 candles missing, 0 more the exchange has not/);
  ok(!before.includes("ETH-USDT"), "nobody watches it");
  match(before, /\*\*Archive\*\* ⚠️ never done/);

  await archive(house);
  match(await reported(house), /\*\*Archive\*\* last [\d: -]+, 2 files, \d/);
  await archive(house);
  match(await reported(house), /\*\*Archive\*\* last [\d: -]+, 0 files, 0/);

  await loseRefused(house);
  await rejects(archive(house), /damaged|missing/);
  const failing = /\*\*Archive\*\* ⚠️ failing since ([\d: -]+): .*(?:damaged|missing)/;
  const [, since] = failing.exec(await reported(house)) ?? [];
  ok(since !== undefined);
  await loseRefused(house);
  await rejects(archive(house), /damaged|missing/);
  equal(failing.exec(await reported(house))?.[1], since, "the first of those in a row");
  await archive(house);
  match(await reported(house), /\*\*Archive\*\* last [\d: -]+, 0 files/);
});

/** Refuses many rows, whose blob goes then. */
async function loseRefused(house: House): Promise<void> {
  const known = await Array.fromAsync(house.blobs.list());
  const from = JAN + (20 + 300 * known.length) * MINUTE;
  await put(house, minutes(from, 300).map((one) => ({ ...one, high: "0.0625" })));
  for await (const { sha256 } of house.blobs.list()) {
    if (!known.some((blob) => blob.sha256 === sha256)) await house.blobs.delete(sha256);
  }
}
