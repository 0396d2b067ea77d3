import assert from "node:assert/strict";
import { Refusal } from "@/domain/decider.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { databases } from "@/tests/support/database.ts";
import { type House, openHouse } from "@/tests/support/house.ts";

const SERIES = { exchange: "kraken", symbol: "BTC/USDT", interval: "1h" } as const;
const id = seriesId(SERIES);
const doer = () => ({ actor: "job:test", commandId: crypto.randomUUID() });
const ALL = {
  seriesId: id,
  interval: "1h",
  from: 0,
  to: utc("2030-01-01"),
  reason: "test",
} as const;

for (const { name, open } of databases()) {
  Deno.test(`removal on ${name}`, async (t) => {
    const { database, close } = await open();
    const folder = await Deno.makeTempDir();
    const house = await openHouse(database, { folder, hotDays: 36_500 });
    try {
      await t.step(
        "takes away what was acknowledged before the read models showed it",
        () => withoutWaiting(house),
      );
      await t.step("refuses to keep out more periods than it may write", async () => {
        const tooLong = { ...ALL, interval: "1s", keepOut: true, ...doer() } as const;
        await assert.rejects(house.removal.remove(tooLong), (error) => {
          assert.ok(error instanceof Refusal);
          assert.match(error.message, /more than 4000 periods/);
          return true;
        });
      });
    } finally {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function withoutWaiting(house: House): Promise<void> {
  await house.follower.stop();
  const years = ["2021", "2022", "2023"].map((year) => candle({ openTime: utc(`${year}-05-01`) }));
  const { ingested, visible } = await house.ingest.ingestCandles(SERIES, years, {
    ...doer(),
    source: "import",
  });
  assert.deepEqual([ingested, visible], [3, false]);
  const later = await openHouse(house.database, { folder: `${house.folder}/later` });
  try {
    const { removed } = await later.removal.remove({ ...ALL, keepOut: false, ...doer() });
    assert.equal(removed, 3);
  } finally {
    await later.close();
  }
}
