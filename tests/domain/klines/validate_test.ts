import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { type Candle, toRow } from "@/domain/klines/candle.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import { MIN_OPEN_TIME } from "@/domain/klines/open_times.ts";
import {
  MAX_AHEAD_MS,
  type RawKline,
  type RejectReason,
  validateBatch,
  validateRow,
} from "@/domain/klines/validate.ts";
import { anyCandleAt, anyCandles, candle, utc } from "../../support/candles.ts";

const NOW = utc("2024-05-01T12:00:30");
const OPEN = utc("2024-05-01T11:00:00");
const OPTIONS = { interval: "1m", now: NOW } as const;

/** A good Binance row with one column changed. */
function row(changed: { readonly [K in keyof Candle]?: unknown } = {}): RawKline {
  return {
    openTime: OPEN,
    open: "60000.10",
    high: "60010",
    low: "59990",
    close: "60005",
    volume: "1.5",
    closeTime: OPEN + 59_999,
    quoteVolume: "90000",
    tradesCount: 12,
    takerBuyVolume: "1",
    takerBuyQuoteVolume: "60000",
    ...changed,
  };
}

const REFUSED: readonly [string, { readonly [K in keyof Candle]?: unknown }, RejectReason][] = [
  ["no open time", { openTime: null }, "bad_time"],
  ["an open time of spaces", { openTime: "  " }, "bad_time"],
  ["an unreadable open time", { openTime: "yesterday" }, "bad_time"],
  ["an open time that is an object", { openTime: {} }, "bad_time"],
  ["an open time before 2000", { openTime: MIN_OPEN_TIME - 1 }, "bad_time"],
  ["an open time in ten years", { openTime: NOW + MAX_AHEAD_MS + 1 }, "bad_time"],
  ["an unreadable close time", { closeTime: "never" }, "bad_time"],
  ["a close time before the open time", { closeTime: OPEN - 1 }, "bad_time"],
  ["no open price", { open: undefined }, "bad_number"],
  ["an empty volume", { volume: "" }, "bad_number"],
  ["a price of NaN", { close: "NaN" }, "bad_number"],
  ["a price of infinity", { high: Infinity }, "bad_number"],
  ["a price of true", { low: true }, "bad_number"],
  ["a price with 19 decimals", { open: "1.0000000000000000001" }, "bad_number"],
  ["a volume of 21 digits", { volume: "100000000000000000000" }, "bad_number"],
  ["an unreadable detail", { quoteVolume: "n/a" }, "bad_number"],
  ["half a trade", { tradesCount: 1.5 }, "bad_number"],
  ["a negative trades count", { tradesCount: -1 }, "bad_number"],
  ["more trades than can be counted", { tradesCount: "9007199254740992" }, "bad_number"],
  ["a low above the open", { low: "60000.2" }, "ohlc_violation"],
  ["a low above the close", { close: "59989.99" }, "ohlc_violation"],
  ["a high below the close", { high: "60004.9" }, "ohlc_violation"],
  ["a high below the open", { high: "60000", close: "60000" }, "ohlc_violation"],
  ["a negative volume", { volume: "-0.1" }, "negative_volume"],
  ["a negative quote volume", { quoteVolume: -1 }, "negative_volume"],
  ["a negative taker volume", { takerBuyVolume: "-1" }, "negative_volume"],
  ["a negative taker quote volume", { takerBuyQuoteVolume: "-1" }, "negative_volume"],
  ["a running candle", { openTime: utc("2024-05-01T12:00:00"), closeTime: null }, "not_closed"],
  [
    "a running off-grid candle",
    { openTime: utc("2024-05-01T11:59:31"), closeTime: null },
    "not_closed",
  ],
];

for (const [name, changed, reason] of REFUSED) {
  Deno.test(`validateRow() answers ${reason} for ${name}`, () => {
    equal(validateRow(row(changed), OPTIONS), reason);
  });
}

Deno.test("validateRow() gives the first reason in the documented order", () => {
  const worst = {
    openTime: NOW,
    closeTime: "x",
    open: "x",
    low: "70000",
    volume: "-1",
  };
  equal(validateRow(row(worst), OPTIONS), "bad_time");
  equal(validateRow(row({ ...worst, closeTime: null }), OPTIONS), "bad_number");
  equal(validateRow(row({ ...worst, closeTime: null, open: "1" }), OPTIONS), "ohlc_violation");
  equal(
    validateRow(row({ openTime: NOW, closeTime: null, volume: "-1" }), OPTIONS),
    "negative_volume",
  );
  equal(validateRow(row({ openTime: NOW, closeTime: null }), OPTIONS), "not_closed");
});

Deno.test("validateRow() takes a candle that closes at this very moment", () => {
  const options = { interval: "1m", now: OPEN + 60_000 } as const;
  ok(typeof validateRow(row(), options) !== "string");
  equal(validateRow(row(), { ...options, now: OPEN + 59_999 }), "not_closed");
});

Deno.test("validateRow() makes a regular close time null and keeps an early one", () => {
  const regular = validateRow(row(), OPTIONS);
  const early = validateRow(row({ closeTime: OPEN + 30_000 }), OPTIONS);
  const atOnce = validateRow(row({ closeTime: OPEN }), OPTIONS);
  equal(typeof atOnce === "string" ? atOnce : atOnce.closeTime, OPEN, "as real bars have it");
  equal(typeof regular === "string" ? regular : regular.closeTime, null);
  equal(typeof early === "string" ? early : early.closeTime, OPEN + 30_000);
});

Deno.test("validateRow() reads microseconds, exponents, numbers and padding as one canonical candle", () => {
  const plain = validateRow(row(), OPTIONS);
  const odd = row({
    openTime: `${OPEN}000`,
    closeTime: `${OPEN + 59_999}999`,
    open: 60000.1,
    volume: "15e-1",
    tradesCount: "12.0",
    takerBuyVolume: " 1.000 ",
  });
  deepEqual(validateRow(odd, OPTIONS), plain);
});

Deno.test("validateRow() takes negative prices: oil traded at -37.63", () => {
  const prices = { open: "-1", high: "0.5", low: "-37.63", close: "-37.63" };
  const got = validateRow(row(prices), OPTIONS);
  equal(typeof got === "string" ? got : got.low, "-37.63");
});

Deno.test("validateRow() reads a row by its columns, the details left out or empty", () => {
  const bare = [OPEN, "60000.10", "60010", "59990", "60005", "1.5"];
  const expected = validateRow(
    row({
      closeTime: null,
      quoteVolume: null,
      tradesCount: null,
      takerBuyVolume: "",
      takerBuyQuoteVolume: " ",
    }),
    OPTIONS,
  );
  ok(typeof expected !== "string");
  deepEqual(validateRow(bare, OPTIONS), expected);
  deepEqual(validateRow([...bare, "", null, undefined, " ", ""], OPTIONS), expected);
});

Deno.test("validateRow() judges a month by the calendar", () => {
  const options = { interval: "1M", now: utc("2024-03-01") } as const;
  const february = row({ openTime: utc("2024-02-01"), closeTime: utc("2024-03-01") - 1 });
  const got = validateRow(february, options);
  equal(typeof got === "string" ? got : got.closeTime, null);
  equal(validateRow(february, { ...options, now: options.now - 1 }), "not_closed");
});

Deno.test("validateRow() changes nothing about a candle it has accepted", () => {
  fc.assert(fc.property(anyCandleAt(OPEN), (before) => {
    deepEqual(validateRow(before, OPTIONS), before);
    deepEqual(validateRow(toRow(before), OPTIONS), before);
  }));
});

Deno.test("validateBatch() sorts, and of equal open times the last valid one wins", () => {
  const at = (minute: number, close: string) => candle({ openTime: OPEN + minute * 60_000, close });
  const { candles, rejected } = validateBatch([
    at(1, "10"),
    at(0, "10"),
    at(1, "11"),
    at(1, "13"),
    at(1, "12"),
  ], OPTIONS);
  deepEqual(candles, [at(0, "10"), at(1, "12")]);
  deepEqual(rejected, [
    { row: 1, reason: "duplicate_in_batch" },
    { row: 3, reason: "duplicate_in_batch" },
    { row: 4, reason: "ohlc_violation" },
  ]);
});

Deno.test("validateBatch() refuses no row that says the same as the last of its open time", () => {
  const at = (close: string) => candle({ openTime: OPEN, close });
  const { candles, rejected, repeated } = validateBatch(
    [at("12"), at("10"), at("12.0"), at("12")],
    OPTIONS,
  );
  deepEqual(candles, [at("12")]);
  deepEqual([rejected, repeated], [[{ row: 2, reason: "duplicate_in_batch" }], 2]);
});

Deno.test("validateBatch() keeps both bars of a minute that opened at different instants", () => {
  const both = [candle({ openTime: OPEN }), candle({ openTime: OPEN + 20_799 })];
  deepEqual(validateBatch(both, OPTIONS).candles, both);
});

const junk = fc.constantFrom<unknown>(null, "", "x", "-1", 1e30, "0", OPEN, NOW);

Deno.test("validateBatch() accounts for every row once and accepts only what the rules allow", () => {
  const column = fc.constantFrom<keyof Candle>(
    "openTime",
    "high",
    "volume",
    "closeTime",
    "tradesCount",
  );
  const spoiled = fc.tuple(anyCandleAt(OPEN), column, junk)
    .map(([good, name, value]): RawKline => ({ ...good, [name]: value }));
  const batch = fc.tuple(anyCandles("1m", { start: OPEN, slots: 6 }), fc.array(spoiled))
    .chain(([good, bad]) => fc.shuffledSubarray([...good, ...bad, ...good]));
  fc.assert(fc.property(batch, (rows) => {
    const { candles, rejected, repeated } = validateBatch(rows, OPTIONS);
    equal(candles.length + rejected.length + repeated, rows.length);
    equal(new Set(rejected.map(({ row }) => row)).size, rejected.length);
    candles.forEach((c, i) => {
      ok(i === 0 || (candles[i - 1]?.openTime ?? 0) < c.openTime);
      ok(slotEnd("1m", c.openTime) <= NOW);
    });
    const kept = rows.filter((_, i) => !rejected.some(({ row }) => row === i + 1));
    deepEqual(validateBatch(kept, OPTIONS), { candles, rejected: [], repeated });
    for (const { row, reason } of rejected) {
      const alone = validateRow(rows[row - 1] ?? [], OPTIONS);
      equal(typeof alone === "string" ? alone : "duplicate_in_batch", reason);
    }
  }));
});
