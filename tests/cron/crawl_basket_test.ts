import assert from "node:assert/strict";
import fc from "fast-check";
import { CSV_HEADER } from "@/domain/klines/candle_csv.ts";
import { type Basket, createBasket, FEW_CANDLES } from "@/cron/crawl_basket.ts";
import { slotRanges, subtractRanges } from "@/domain/klines/coverage.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { anyCandles, candle, utc } from "@/tests/support/candles.ts";

const START = utc("2024-03-01");
const MINUTE = 60_000;

function range(from: number, to: number): OpenTimeRange {
  return [START + from * MINUTE, START + to * MINUTE];
}

function open(...wanted: readonly OpenTimeRange[]) {
  return createBasket(wanted, { interval: "1m", now: START + 1000 * MINUTE });
}

function textOf(basket: Basket): string {
  return basket.csv().map((piece) => new TextDecoder().decode(piece)).join("");
}

const at = (minute: number) => candle({ openTime: START + minute * MINUTE });

Deno.test("basket writes the columns of the lake's reader, empty where nothing is known", () => {
  const basket = open(range(0, 10));
  basket.candles([at(0), { ...at(1), closeTime: 7, tradesCount: 0, quoteVolume: "1.5" }]);
  assert.equal(
    textOf(basket),
    `${CSV_HEADER}${START},10,12,9,11,5,,,,,\n${START + MINUTE},10,12,9,11,5,7,1.5,0,,\n`,
  );
  assert.equal(CSV_HEADER.trim().split(",").length, 11);
});

Deno.test("basket leaves out what is still open and what nobody wanted", () => {
  const basket = createBasket([range(0, 3), range(5, 20)], {
    ...{ interval: "1m", now: START + 7 * MINUTE - 1 },
  });
  basket.candles([0, 1, 2, 3, 4, 5, 6, 7].map(at));
  assert.deepEqual(
    basket.few()?.map((c) => c.openTime),
    [0, 1, 2, 5].map((m) => START + m * MINUTE),
  );
});

Deno.test("basket has no few candles any more once they are many", () => {
  const basket = open(range(0, 1000));
  for (let i = 0; i < FEW_CANDLES; i++) basket.candles([at(i)]);
  assert.equal(basket.few()?.length, FEW_CANDLES);
  basket.candles([at(FEW_CANDLES)]);
  assert.equal(basket.few(), undefined);
  assert.equal(textOf(basket).trim().split("\n").length, 1 + FEW_CANDLES + 1);
});

Deno.test("basket misses the wanted slots that were asked for and did not come, and no others", () => {
  const candles = anyCandles("1m", { start: START, slots: 60 });
  const cut = fc.integer({ min: 1, max: 59 });
  fc.assert(fc.property(candles, cut, cut, (all, asked, hole) => {
    const basket = open(range(0, hole), range(hole + 1, 60));
    basket.candles(all.slice(0, 10));
    basket.candles(all.slice(10));
    basket.settled(range(0, asked));
    const wanted = subtractRanges([range(0, asked)], [range(hole, hole + 1)]);
    const held = slotRanges(all.map((c) => c.openTime), "1m");
    assert.deepEqual(basket.missing(), subtractRanges(wanted, held));
  }));
});
