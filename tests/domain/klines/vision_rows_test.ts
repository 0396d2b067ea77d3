import { equal } from "node:assert/strict";
import { visionHeader, visionRows } from "@/domain/klines/vision_rows.ts";
import { gunzipped, realDataTest } from "../../support/shared_data.ts";

Deno.test("visionRows writes spot with eight decimals, in ms before 2025", () => {
  equal(
    visionRows(
      ["1735689540000,93000,93000.5,92999.12345678,93000,0,1735689599999,1,2,3.5,4"],
      "spot",
    ),
    "1735689540000,93000.00000000,93000.50000000,92999.12345678,93000.00000000,0.00000000," +
      "1735689599999,1.00000000,2,3.50000000,4.00000000,0\n",
  );
});

Deno.test("visionRows writes spot in microseconds from 2025 on, off-grid and shortened candles too", () => {
  equal(
    visionRows(["1735689600000,1,1,1,1,1,1735689659999,1,1,1,1"], "spot").split(",")[0],
    "1735689600000000",
  );
  const [open, , , , , , close] = visionRows(["1735689620799,1,1,1,1,1,1735689650000,,,,"], "spot")
    .split(",");
  equal(open, "1735689620799000");
  equal(close, "1735689650000999");
});

Deno.test("visionRows keeps what is longer than eight decimals, and what is not known empty", () => {
  equal(
    visionRows(["1,0.1234567890123,1,1,1,0.00000001,59999,,,,"], "spot"),
    "1,0.1234567890123,1.00000000,1.00000000,1.00000000,0.00000001,59999,,,,,0\n",
  );
});

Deno.test("visionRows writes futures as they are held, in ms for ever, under a header", () => {
  const line =
    "1735689600000,4.255,4.256,4.252,4.252,25259.1,1735689659999,107451.0165,208,5452.3,2";
  equal(visionRows([line, line], "futures/um"), `${line},0\n${line},0\n`);
  equal(
    visionHeader("futures/um"),
    "open_time,open,high,low,close,volume,close_time,quote_volume,count," +
      "taker_buy_volume,taker_buy_quote_volume,ignore\n",
  );
  equal(visionHeader("spot"), "");
});

realDataTest("visionRows gives Binance's own text back, digit for digit", async () => {
  const lines = (await gunzipped("spot/BTCUSDT-15m.csv.gz")).trim().split("\n").slice(1);
  const before = lines.filter((line) => Number.parseInt(line) < Date.UTC(2025, 0, 1));
  equal(before.length > 100, true);
  // What we hold of it: canonical decimals, and no twelfth column.
  const held = before.map((line) =>
    line.split(",").slice(0, 11).map((cell) =>
      cell.includes(".") ? cell.replace(/\.?0+$/, "") : cell
    )
      .join(",")
  );
  equal(visionRows(held, "spot"), before.map((line) => `${line}\n`).join(""));
});
