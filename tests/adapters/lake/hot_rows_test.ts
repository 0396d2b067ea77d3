import assert from "node:assert/strict";
import fc from "fast-check";
import { hotRowsType } from "@/adapters/lake/hot_rows.ts";
import { fits } from "@/adapters/lake/numbers_sql.ts";
import { anyCandles } from "../../support/candles.ts";
import { hotRowsOf, minute } from "./lake_fixture.ts";

Deno.test("the type of hot rows is the 64-bit one, whatever digits their times have", () => {
  const row = `${minute(0)},6456.85,6457.69,6454.72,6454.73,17.463443,${minute(1)},1,539,2,3,3\n`;
  assert.deepEqual(hotRowsType(row), { width: 18, scale: 6 });
  assert.deepEqual(hotRowsType(row.repeat(3).trimEnd()), { width: 18, scale: 6 });
  assert.deepEqual(hotRowsType(""), { width: 18, scale: 0 });
});

Deno.test("the type of hot rows is the 128-bit one when digits before and after the point are many", () => {
  const row = `${minute(0)},1,1,1,1,0.000000000001,,12345678,,,,3\n`;
  assert.deepEqual(hotRowsType(row), { width: 38, scale: 18 });
});

Deno.test("the type of hot rows holds each of their numbers", () => {
  fc.assert(
    fc.property(anyCandles("1m", { start: minute(0), slots: 9 }), (candles) => {
      const type = hotRowsType(hotRowsOf(candles.map((c) => ({ ...c, source: "api" }))));
      for (const { open, volume, quoteVolume, takerBuyVolume } of candles) {
        for (const value of [open, volume, quoteVolume ?? "0", takerBuyVolume ?? "0"]) {
          assert.ok(fits(value, type), `${value} in ${JSON.stringify(type)}`);
        }
      }
    }),
  );
});
