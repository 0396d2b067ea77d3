import assert from "node:assert/strict";
import fc from "fast-check";
import { inRange, toCandle } from "@/adapters/exchange/venue_candle.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";
import { candle } from "@/tests/support/candles.ts";

const OPEN = Date.UTC(2024, 0, 1);

Deno.test("venue candle takes all of Binance's columns", () => {
  const row = [OPEN, "1.50", "2", "0.10", "1", "0.000", OPEN + 59_999, "7.0", 12, "3", "4.5", "0"];
  assert.deepEqual(toCandle(row, "1m"), {
    ...{ openTime: OPEN, open: "1.5", high: "2", low: "0.1", close: "1", volume: "0" },
    ...{ closeTime: null, quoteVolume: "7", tradesCount: 12 },
    ...{ takerBuyVolume: "3", takerBuyQuoteVolume: "4.5" },
  });
});

Deno.test("venue candle of six columns leaves the details unknown", () => {
  assert.deepEqual(
    toCandle([OPEN, 10, 12, 9, 11, 5], "1m"),
    candle({ openTime: OPEN }),
  );
});

Deno.test("venue candle keeps a close time that is not the slot's", () => {
  const row = [OPEN, "1", "1", "1", "1", "0", OPEN + 30_000];
  assert.equal(toCandle(row, "1m").closeTime, OPEN + 30_000);
});

Deno.test("venue candle reads times in seconds, ms, µs and text alike", () => {
  for (const time of [OPEN / 1000, OPEN, OPEN * 1000, `${OPEN}`, `${OPEN}000`]) {
    assert.equal(toCandle([time, "1", "1", "1", "1", "1"], "1m").openTime, OPEN);
  }
});

Deno.test("venue candle keeps what it cannot read for the validation that counts it", () => {
  const { open, volume } = toCandle([OPEN, "nonsense", "1", "1", "1", null], "1m");
  assert.deepEqual([open, volume], ["nonsense", ""]);
});

Deno.test("venue candle without a time is the venue's failure", () => {
  for (const row of [[], [undefined, "1"], ["soon", "1"], [{}, "1"], ["["]]) {
    assert.throws(() => toCandle(row, "1m"), { name: "VenueFailure", retryable: true });
  }
});

Deno.test("venue candle writes numbers as the domain does, however they come", () => {
  const plain = fc.stringMatching(/^-?\d{0,22}(\.\d{0,22})?$/);
  const nasty = fc.constantFrom(
    "0",
    "00",
    "-0",
    "0.0",
    ".5",
    "5.",
    "007",
    "1e3",
    "1E-7",
    "+1",
    "1.2.3",
  );
  fc.assert(
    fc.property(fc.oneof(plain, nasty, fc.double().map(String)), (text) => {
      const { open } = toCandle([OPEN, text, "1", "1", "1", "1"], "1m");
      assert.equal(open, canonicalDecimal(text) ?? text);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("page is cut to what was asked for, ascending, the last of equal times kept", () => {
  const at = (minute: number, close = "11") => candle({ openTime: OPEN + minute * 60_000, close });
  const page = inRange([at(5), at(2), at(3), at(3, "10"), at(1), at(4)], {
    ...{ symbol: "BTC/USDT", interval: "1m", from: OPEN + 120_000, to: OPEN + 300_000, limit: 2 },
  });
  assert.deepEqual(page, [at(2), at(3, "10")]);
});
