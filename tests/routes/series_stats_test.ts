import { deepEqual, equal } from "node:assert/strict";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { databases } from "@/tests/support/database.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const ID = "kraken.AAA-USDT.1m";
const FEBRUARY = Date.UTC(2020, 1, 29, 23, 0);
const as = "admin" as const;

async function withApp(test: (app: TestApp) => Promise<void>): Promise<void> {
  const app = await openApp({}, databases()[0]?.open);
  try {
    const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
    await app.json("POST", "/api/v1/series", { as, json });
    await test(app);
  } finally {
    await app.close();
  }
}

/** A candle a minute, but for the minutes from the start that are left out. */
async function fill(app: TestApp, from: number, count: number, without: readonly number[] = []) {
  const minutes = Array.from({ length: count }, (_, i) => i).filter((i) => !without.includes(i));
  const body = minutes.map((i) => `${from + i * MINUTE},1,1,1,1,2`).join("\n");
  const headers = { "content-type": "text/csv" };
  const path = `/api/v1/series/${ID}/klines`;
  const { data } = await app.json("POST", path, { as, body, headers });
  equal(data.ingested, minutes.length);
}

/** The exchange was asked for these minutes and had nothing. */
async function foundEmpty(app: TestApp, [from, to]: [number, number], askedAt: number) {
  const stream = `klines-${ID}-2020-03`;
  const { version } = await app.house.store.readStream(stream);
  const event = {
    type: "KlinesFoundAbsent",
    data: { seriesId: ID, period: "2020-03", ranges: [[from, to]], askedAt },
  };
  const meta = { actor: "test", commandId: crypto.randomUUID() };
  const appended = await app.house.store.append(
    [{ stream, expected: version, events: [event] }],
    meta,
  );
  await app.house.follower.waitFor(appended.position);
}

const stats = async (
  app: TestApp,
  id = ID,
) => (await app.json("GET", `/api/v1/series/${id}/stats`));

Deno.test("series stats: one without candles has zeros, and nulls where nothing can be said", () =>
  withApp(async (app) => {
    const { status, data } = await stats(app);
    equal(status, 200);
    deepEqual(data, {
      ...{ id: ID, candles: 0, hot_rows: 0, cold_months: 0, cold_candles: 0, bytes: 0 },
      ...{ bytes_per_candle: null, compression: null, coverage_pct: null },
      ...{ verified_empty_minutes: 0, unverified_empty_minutes: 0 },
    });
  }));

Deno.test("series stats: files and rows are counted apart, bytes are those of the files", () =>
  withApp(async (app) => {
    await fill(app, FEBRUARY, 120);
    const recent = Math.floor((Date.now() - 3 * 3_600_000) / MINUTE) * MINUTE;
    await fill(app, recent, 10);
    const { data } = await stats(app);
    deepEqual([data.candles, data.hot_rows, data.cold_months, data.cold_candles], [
      130,
      10,
      2,
      120,
    ]);
    const listed = await app.json("GET", "/lake/kraken/AAA-USDT/1m");
    const sizes: number[] = listed.data.files.map(({ bytes }: { bytes: number }) => bytes);
    equal(data.bytes, sizes.reduce((sum, bytes) => sum + bytes, 0));
    equal(data.bytes_per_candle, Math.round(data.bytes / 120 * 100) / 100);
    equal(data.compression, Math.round(120 * 88 / data.bytes * 100) / 100);
    const series = await app.json("GET", `/api/v1/series/${ID}`);
    equal(data.coverage_pct, series.data.coverage_pct);
    equal(data.hot_rows, series.data.hot_rows);
    equal(data.cold_months, series.data.cold_months);
  }));

Deno.test("series stats: minutes are verified empty once the exchange was asked twice, a day later", () =>
  withApp(async (app) => {
    const march = Date.UTC(2020, 2, 1);
    // Minutes 70 to 79 are missing; the exchange is asked for 70 to 75.
    await fill(app, FEBRUARY, 120, Array.from({ length: 10 }, (_, i) => 70 + i));
    const hole: [number, number] = [FEBRUARY + 70 * MINUTE, FEBRUARY + 76 * MINUTE];
    const empty = async () => {
      const { data } = await stats(app);
      return [data.verified_empty_minutes, data.unverified_empty_minutes, data.coverage_pct];
    };
    deepEqual(await empty(), [0, 10, 91.6666]);
    await foundEmpty(app, hole, march + 3 * DAY);
    deepEqual(await empty(), [0, 10, 91.6666]);
    await foundEmpty(app, hole, march + 4 * DAY);
    deepEqual(await empty(), [6, 4, 91.6666]);
    await fill(app, FEBRUARY + 70 * MINUTE, 1);
    deepEqual(await empty(), [5, 4, 92.5]);
  }));

Deno.test("series stats: an unknown series is 404 with near matches", () =>
  withApp(async (app) => {
    const { status, error } = await stats(app, "kraken.AAB-USDT.1m");
    deepEqual([status, error.code, error.details?.[0]?.message], [
      404,
      "NOT_FOUND",
      `${ID} is held`,
    ]);
  }));
