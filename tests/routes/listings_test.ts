import assert from "node:assert/strict";
import { parseSeries, seriesId } from "@/domain/klines/series_ref.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { finest, listingsOf } from "@/routes/listings.ts";
import { utc } from "@/tests/support/candles.ts";

const NOON = utc("2024-01-02 12:00");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function view(text: string, held: Partial<SeriesView> = {}): SeriesView {
  const ref = { ...parseSeries(text), ...held };
  return {
    ...{ id: seriesId(ref), watched: true, simulated: false, source: null, candles: 0, gaps: 0 },
    ...{ firstOpenTime: null, lastOpenTime: null, hotRows: 0, coldMonths: 0, coveragePct: null },
    ...{ historyStart: null, lastCrawledAt: null, lastError: null },
    ...ref,
  };
}

Deno.test("listings: each ticker of a venue is listed once, as the symbol that ccxt writes", () => {
  const stray = { symbol: "btc/usdt", candles: 9 };
  const listings = listingsOf([
    view("okx:BTC/USDT:1h"),
    view("okx:BTC/USDT:1m", stray),
    view("okx:BTC/USDT:1m"),
    view("okx:BTC/USDT:USDT:1m"),
    view("binance:BTC/USDT:1m"),
  ]);
  assert.deepEqual(
    listings.map(({ exchange, ticker, symbol, series }) => [
      `${exchange} ${ticker} ${symbol}`,
      series.map(({ id }) => id),
    ]),
    [
      ["okx BTCUSDT BTC/USDT", ["okx.BTC-USDT.1h", "okx.BTC-USDT.1m"]],
      ["okx BTCUSDT.P BTC/USDT:USDT", ["okx.BTC-USDT_USDT.1m"]],
      ["binance BTCUSDT BTC/USDT", ["binance.BTC-USDT.1m"]],
    ],
  );
});

Deno.test("listings: of two symbols that run together, the one with more candles has the ticker", () => {
  const [listing, ...others] = listingsOf([
    view("okx:AB/CUSDT:1m", { candles: 1 }),
    view("okx:ABC/USDT:1m", { candles: 2 }),
  ]);
  assert.deepEqual([listing?.symbol, others], ["ABC/USDT", []]);
});

/** Ends of the newest candles before noon, and the series that tells the price. */
const NEWEST: readonly [what: string, ends: Readonly<Record<string, number | null>>, is: string][] =
  [
    ["all are new", { "1d": 12 * HOUR, "1h": 0, "1m": 0, "1s": 0 }, "1m"],
    ["minutes ended long ago", { "1d": 12 * HOUR, "1h": 0, "1m": 24 * HOUR }, "1h"],
    ["all but days ended long ago", { "1d": 12 * HOUR, "1m": 2_000 * HOUR }, "1d"],
    ["minutes are one candle behind", { "1h": 0, "1m": MINUTE }, "1m"],
    ["there are only seconds and days", { "1d": 12 * HOUR, "1s": 0 }, "1s"],
    ["one has no candle", { "1h": 5 * HOUR, "1m": null }, "1h"],
    ["none has one", { "1h": null, "1m": null }, "1m"],
  ];

for (const [what, ends, is] of NEWEST) {
  Deno.test(`listings: the price is that of ${is} when ${what}`, () => {
    const lengths: Readonly<Record<string, number>> = { "1d": 24 * HOUR, "1h": HOUR, "1s": 1_000 };
    const views = Object.entries(ends).map(([interval, ago]) =>
      view(`okx:BTC/USDT:${interval}`, {
        lastOpenTime: ago === null ? null : NOON - ago - (lengths[interval] ?? MINUTE),
      })
    );
    const [listing] = listingsOf(views);
    assert.equal(listing && finest(listing)?.interval, is);
  });
}
