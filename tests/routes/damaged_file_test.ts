import assert from "node:assert/strict";
import { databases } from "@/tests/support/database.ts";
import { openApp } from "@/tests/support/app.ts";
import { archive, minutes, put } from "../cron/archive/archive_house.ts";
import { fileOf, rot } from "../cron/archive/damage.ts";

const JAN = Date.UTC(2024, 0, 1);
const TOLD =
  /^Cannot read binance\.BTC-USDT\.1m 2024-01: its file is damaged\. .*run with \{"series":"binance\.BTC-USDT\.1m"\}/;

Deno.test("a damaged file: every protocol says which one and what to do, in its own words", async (t) => {
  assert.ok(databases().length > 0);
  const app = await openApp();
  const { house } = app;
  try {
    await put(house, minutes(JAN, 3));
    await archive(house, { hotDays: 1 });
    await rot(await fileOf(house, 0));

    await t.step("ours", async () => {
      const path = "/api/v1/klines?exchange=binance&symbol=BTCUSDT&interval=1m";
      const { status, headers, error } = await app.json("GET", path);
      assert.deepEqual([status, error?.code], [503, "UNAVAILABLE"]);
      assert.match(error?.message ?? "", TOLD);
      // A moment later it is no better.
      assert.equal(headers.get("retry-after"), null);
    });

    await t.step("the lake", async () => {
      const { status, error } = await app.json("GET", "/lake/binance/BTC-USDT/1m/2024-01.parquet");
      assert.equal(status, 503);
      assert.match(error?.message ?? "", TOLD);
    });

    await t.step("Binance's", async () => {
      const path = "/compat/binance/api/v3/klines?symbol=BTCUSDT&interval=1m";
      const response = await app.ask("GET", path);
      const { code, msg } = await response.json();
      assert.deepEqual([response.status, code], [503, -1001]);
      assert.match(msg, /binance\.BTC-USDT\.1m 2024-01: its file is damaged/);
    });

    await t.step("TradingView's", async () => {
      const path = `/udf/history?symbol=BINANCE:BTCUSDT&resolution=1&from=${JAN / 1000}&to=${
        JAN / 1000 + 120
      }`;
      const { s, errmsg } = await (await app.ask("GET", path)).json();
      assert.equal(s, "error");
      assert.match(errmsg, TOLD);
    });

    await t.step(
      "a run of the archive over everything reads what readers stumbled over",
      async () => {
        await assert.rejects(archive(house), /2024-01: .*bytes hash to.*restore this blob/);
        const { data } = await app.json("GET", "/admin/archive", { as: "admin" });
        const periods = data.damaged.map((file: { period: string }) => file.period);
        assert.deepEqual(periods, ["2024-01"]);
      },
    );

    await t.step("InfluxDB's", async () => {
      const body = `candles,exchange=binance,symbol=BTC/USDT,interval=1m ` +
        `open=1,high=2,low=1,close=2,volume=1 ${JAN + 600_000}`;
      const path = "/api/v2/write?precision=ms";
      const response = await app.ask("POST", path, { as: "writer", body });
      const { code, message } = await response.json();
      assert.deepEqual([response.status, code], [503, "unavailable"]);
      assert.match(message, /2024-01: its file is damaged/);
    });
  } finally {
    await app.close();
  }
});
