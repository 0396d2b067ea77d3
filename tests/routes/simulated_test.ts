import { deepEqual, equal, match } from "node:assert/strict";
import { openApp } from "@/tests/support/app.ts";
import { candle } from "@/tests/support/candles.ts";

const START = Date.UTC(2024, 0, 1);
const SERIES = { exchange: "simulated", symbol: "BTC/USDT", interval: "1m" } as const;
const QUERY = `/api/v1/klines?${new URLSearchParams({ ...SERIES, start: String(START) })}`;

Deno.test("simulated candles are called so wherever the API shows them", async (t) => {
  const app = await openApp({ settings: { simulated: true } });
  const { ask, json } = app;
  try {
    const made = await json("POST", "/api/v1/series", {
      as: "admin",
      json: { ...SERIES, watch: false },
    });
    deepEqual([made.status, made.data.simulated], [201, true]);
    const { ingested, position } = await app.house.ingest.ingestCandles(
      SERIES,
      [candle({ openTime: START })],
      { source: "exchange", actor: "test", commandId: crypto.randomUUID() },
    );
    equal(ingested, 1);
    equal(await app.house.follower.waitFor(position, 60_000), true);

    await t.step("in the series and the list of all", async () => {
      equal((await json("GET", `/api/v1/series/${made.data.id}`)).data.simulated, true);
      equal((await json("GET", "/api/v1/series")).data[0].simulated, true);
    });
    await t.step("in the meta of klines", async () => {
      const { data, meta } = await json("GET", QUERY);
      deepEqual([data.length, meta.simulated], [1, true]);
    });
    for (const format of ["csv", "parquet"]) {
      await t.step(`in the header of ${format}`, async () => {
        const response = await ask("GET", `${QUERY}&format=${format}`);
        await response.body?.cancel();
        deepEqual([response.status, response.headers.get("x-simulated")], [200, "true"]);
      });
    }
    await t.step("in the documentation, on top of its page", async () => {
      const document = await (await ask("GET", "/openapi.json")).json();
      match(document.info.description, /THIS INSTALLATION SHOWS SIMULATED CANDLES/);
      const page = await (await ask("GET", "/docs")).text();
      match(page, /<p class="simulated">This installation shows SIMULATED candles/);
    });
    await t.step("and real ones are refused beside them", async () => {
      const { status, error } = await json("POST", "/api/v1/series", {
        as: "admin",
        json: { ...SERIES, exchange: "binance", watch: false },
      });
      deepEqual([status, error.code, error.field], [409, "CONFLICT", "exchange"]);
    });
  } finally {
    await app.close();
  }
});
