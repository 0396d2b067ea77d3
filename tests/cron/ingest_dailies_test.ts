import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { ingestDailies } from "@/cron/ingest_dailies.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import type { SourceSeries } from "@/domain/ports/market_source.ts";
import { openDb } from "@/projections/db.ts";
import { findSeriesStats } from "@/projections/series_stats.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type CrawlHouse, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { openSites, sourceOf } from "@/tests/support/open_sites.ts";
import { realDataTest } from "@/tests/support/shared_data.ts";
import { sharedSamples } from "@/tests/support/source_samples.ts";
import { archive } from "./archive/archive_house.ts";

const DAY = 86_400_000;
const NONE = { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, rejected: 0 };

let house: CrawlHouse;
Deno.test.beforeAll(async () => {
  house = await openCrawlHouse();
});
Deno.test.afterAll(() => house.close());

const bars = (...dates: readonly string[]) => dates.map((date) => candle({ openTime: utc(date) }));

function dailies(
  symbol: string,
  candles: readonly Candle[],
  offCalendar: readonly Candle[] = [],
): SourceSeries {
  return { symbol, interval: "1d", candles, offCalendar };
}

async function ingest(series: readonly SourceSeries[], now: number, signal?: AbortSignal) {
  const report = await ingestDailies(house.house.ingest, series, {
    ...{ actor: "job:sina", commandId: crypto.randomUUID(), now, signal },
  });
  await house.house.follower.waitFor(await house.house.store.head());
  return report;
}

/** Epoch ms of a time in Shanghai. */
const shanghai = (text: string) => Date.parse(`${text}+08:00`);

Deno.test("ingestDailies() keeps a day's bar when its session is over, as the exchange's, in a series that is not watched", async () => {
  const series = dailies(
    "HC0",
    bars("2026-09-04", "2026-09-07", "2026-09-08", "2026-09-09"),
    bars("2026-09-05"),
  );
  const noon = await ingest([series], shanghai("2026-09-08T15:14:59"));
  deepEqual(noon, { ...NONE, series: 1, rows: 2, ingested: 2, notClosed: 2, offCalendar: 1 });
  // The default time of the source; the bar of the 9th is that of the night session before it.
  const report = await ingest([series], shanghai("2026-09-08T17:10"));
  deepEqual(report, {
    ...NONE,
    ...{ series: 1, rows: 1, ingested: 1, unchanged: 2, notClosed: 1, offCalendar: 1 },
  });
  const view = await house.house.series.find("sina.HC0.1d");
  deepEqual(
    [view?.watched, view?.simulated, view?.source, view?.candles, view?.lastOpenTime],
    [false, false, "exchange", 3, utc("2026-09-08")],
  );
  deepEqual([view?.gaps, view?.coveragePct], [0, 100]);
  const { bytes } = await house.house.reader.read({
    ...{ seriesId: "sina.HC0.1d", stored: "1d", interval: "1d", format: "csv" },
    ...{ start: undefined, end: undefined, limit: 1, order: "asc" },
    ...{ fill: "none", partial: false, numbers: "string" },
  });
  match(new TextDecoder().decode(bytes), new RegExp(`^${utc("2026-09-08")},`, "m"));
});

Deno.test("ingestDailies() keeps the day's bar of a whole history that no series had before", async () => {
  const first = utc("2025-06-02");
  const history = Array.from({ length: 470 }, (_, n) => candle({ openTime: first + n * DAY }))
    .filter(({ openTime }) => openTime <= utc("2026-09-08") && new Date(openTime).getUTCDay() % 6);
  const report = await ingest([dailies("SR0", history)], shanghai("2026-09-08T17:10"));
  deepEqual([report.rows, report.rejected, report.notClosed], [history.length, 0, 0]);
});

Deno.test("ingestDailies() takes the rest the next day, and what the exchange corrected", async () => {
  const [first, second, third] = bars("2026-09-07", "2026-09-08", "2026-09-09");
  ok(first && second && third);
  await ingest([dailies("AG0", [first, second])], shanghai("2026-09-08T17:10"));
  const corrected = { ...second, close: "11.5" };
  const report = await ingest(
    [dailies("AG0", [first, corrected, third])],
    shanghai("2026-09-09T17:10"),
  );
  deepEqual(report, {
    ...NONE,
    ...{ series: 1, rows: 2, ingested: 1, revised: 1, unchanged: 1, notClosed: 0, offCalendar: 0 },
  });
});

Deno.test("ingestDailies() puts a refused bar aside and goes on, and records it once however often it comes", async () => {
  const [good, bad, next] = bars("2026-09-07", "2026-09-08", "2026-09-09");
  ok(good && bad && next);
  // A day without a trade: Sina writes zeros, and the settlement of the day before as its close.
  const untraded = { ...bad, open: "0", high: "0", low: "0" };
  const series = [dailies("CU0", [good, untraded]), dailies("AL0", [good])];
  const { rows, rejected } = await ingest(series, utc("2026-09-10"));
  deepEqual([rows, rejected], [2, 1]);
  const { store } = house.house;
  const head = await store.head();
  const again = await ingest(series, utc("2026-09-10"));
  deepEqual([again.rows, again.rejected, await store.head()], [0, 1, head]);
  const more = await ingest([dailies("CU0", [good, untraded, next])], utc("2026-09-11"));
  deepEqual([more.rows, more.rejected, await store.head()], [1, 1, head + 1]);
  const mended = await ingest([dailies("CU0", [good, bad, next])], utc("2026-09-11"));
  deepEqual([mended.rows, mended.rejected], [1, 0]);
});

Deno.test("ingestDailies() stops where it is told to", async () => {
  const reason = new Error("enough");
  const work = ingest(
    [dailies("NI0", bars("2026-09-07"))],
    utc("2026-09-10"),
    AbortSignal.abort(reason),
  );
  await rejects(work, reason);
  equal(await house.house.series.find("sina.NI0.1d"), undefined);
});

realDataTest(
  "ingestDailies() keeps all that the source has ever sent, whole but for its missing days",
  async () => {
    const sites = openSites({ samples: await sharedSamples() });
    const { series } = await sourceOf(sites, "sina").fetch({
      date: "2026-08-21",
      signal: new AbortController().signal,
    });
    const now = utc("2026-08-22");
    const report = await ingest(series, now);
    deepEqual([report.offCalendar, report.notClosed, report.rejected], [19, 0, 0]);
    const kept = [4521 + 0, 4223 + 0, 2041];
    equal(report.rows, kept.reduce((sum, n) => sum + n, 0));
    const { store, series: board, database, reader } = house.house;
    const views = await Promise.all(
      ["AU0", "RB0", "SC0"].map((symbol) => board.find(`sina.${symbol}.1d`)),
    );
    deepEqual(views.map((view) => view?.gaps), [4, 7, 1]);
    for (const view of views) {
      ok(view?.coveragePct !== null && (view?.coveragePct ?? 0) > 99.8, `${view?.coveragePct}`);
      const stats = await findSeriesStats(openDb(database), view?.id ?? "");
      equal(stats?.unverifiedMinutes, (view?.gaps ?? 0) * 1440);
      equal(stats?.coveragePct, view?.coveragePct);
    }
    const week = await reader.read({
      ...{ seriesId: "sina.RB0.1d", stored: "1d", interval: "1w", format: "csv" },
      ...{ start: utc("2026-08-03"), end: utc("2026-08-17"), limit: 10, order: "asc" },
      ...{ fill: "none", partial: false, numbers: "string" },
    });
    const [, ...lines] = new TextDecoder().decode(week.bytes).trim().split("\n");
    deepEqual(lines.map((line) => Number(line.split(",")[0])), [
      utc("2026-08-03"),
      utc("2026-08-10"),
    ]);
    await archive(house.house, { hotDays: 0, now: utc("2030-01-01") });
    const after = await board.find("sina.RB0.1d");
    deepEqual([after?.candles, after?.gaps], [4_223, 7], "the archive leaves them as they are");
    const head = await store.head();
    deepEqual((await ingest(series, now)).unchanged, report.rows);
    equal(await store.head(), head, "a second time records nothing");
  },
);
