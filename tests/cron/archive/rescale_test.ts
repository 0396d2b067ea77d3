import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { LogFields } from "@/domain/ports/log.ts";
import { createKlineIngest } from "@/cron/ingest_klines.ts";
import { candle } from "@/tests/support/candles.ts";
import type { House } from "@/tests/support/house.ts";
import {
  archive,
  archiveTest,
  MINUTE,
  minutes,
  periods,
  put,
  tiers,
  withoutRescale,
} from "./archive_house.ts";
import { fileOf, rot } from "./damage.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const MAR = Date.UTC(2024, 2, 1);

/** A late candle that needs more decimals than any file has. */
const FINER = [candle({ openTime: FEB + 9 * MINUTE, low: "0.00001" })];

async function scales({ database, follower, store }: House): Promise<unknown[]> {
  await follower.waitFor(await store.head(), 20_000);
  const rows = await database.query("select price_scale from kline_periods_v1 order by key");
  return rows.map(({ price_scale }) => price_scale);
}

/** Three filed months without rows, the first one damaged. */
async function damaged(house: House, { late = 0 } = {}): Promise<string> {
  for (const month of [JAN, FEB, MAR]) await put(house, minutes(month, 3));
  await archive(house, { hotDays: 1 });
  // What lies in the file alone cannot be made again.
  if (late > 0) await put(house, minutes(JAN + 9 * MINUTE, late));
  const path = await fileOf(house, 0);
  await rot(path);
  return path;
}

archiveTest(
  "ingest: candles that are recorded are a success, whatever the other files of the series are like",
  async (house) => {
    const path = await damaged(house);
    const logged: LogFields[] = [];
    const log = { ...house.archiving.log, error: (_: string, f: LogFields = {}) => logged.push(f) };
    const ingest = createKlineIngest({ ...house.archiving, log });
    const { ingested } = await put({ ...house, ingest }, FINER);
    equal(ingested, 1);
    deepEqual(await tiers(house), [
      ...["2024-01 3 filed 0 rows", "2024-02 4 filed 0 rows", "2024-03 3 filed 0 rows"],
    ]);
    // The others are as wide as the series all the same.
    deepEqual(await scales(house), [3, 5, 5]);
    deepEqual(logged.map(({ period }) => period), ["2024-01"]);
    match(String(logged[0]?.error), /its bytes hash to/);
    equal(path, await fileOf(house, 0));
  },
);

archiveTest(
  "archive: a file that cannot be rescaled is told, and everything else goes on",
  async (house) => {
    await damaged(house, { late: 1 });
    await put(house, FINER);
    const APR = Date.UTC(2024, 3, 1);
    await put(house, minutes(APR, 3));
    const okx = { exchange: "okx", symbol: "BTC/USDT", interval: "1m" } as const;
    await put(house, minutes(JAN, 3, 1), { series: okx });
    await rejects(archive(house, { hotDays: 1 }), /2024-01.*its bytes hash to/);
    deepEqual((await tiers(house)).slice(3), ["2024-04 3 filed 0 rows", "2024-01 3 filed 0 rows"]);
    const [run] = await house.database.query(
      "select problems from archive_runs_v1 order by started_at desc limit 1",
    );
    match(JSON.stringify(run?.problems), /"step":"rescale","period":"2024-01"/);
    equal((await periods(house)).every(({ fileSha256 }) => fileSha256 !== null), true);
  },
);

archiveTest("archive: what an ingest left narrow is rescaled, and nothing else", async (house) => {
  for (const month of [JAN, FEB]) await put(house, minutes(month, 3));
  await archive(house, { hotDays: 1 });
  await put(withoutRescale(house), FINER);
  deepEqual(await scales(house), [3, 5]);
  await archive(house, { hotDays: 1 });
  deepEqual(await scales(house), [5, 5]);
  const { problems } = await archive(house, { hotDays: 1 });
  equal(problems, 0);
});
