import { deepEqual, equal } from "node:assert/strict";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { candle } from "@/tests/support/candles.ts";
import {
  archive,
  archiveTest,
  checksums,
  DAY,
  put,
  read,
  rebuildAll,
  tiers,
} from "./archive_house.ts";

const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1d" } as const;
const QUERY = { seriesId: seriesId(SERIES), stored: "1d", interval: "1d" } as const;
const TODAY = Math.floor(Date.now() / DAY) * DAY;

/** Days before today, oldest first. */
function days(from: number, count: number, volume = "1.5") {
  return Array.from(
    { length: count },
    (_, n) => candle({ openTime: TODAY - (from - n) * DAY, volume }),
  );
}

archiveTest(
  "archive: candles of a day or more lie in one file, into which new ones are merged",
  async (house) => {
    const rows = async () => JSON.parse(await read(house, QUERY)).length;
    await put(house, days(364, 200), { series: SERIES });
    await archive(house, { hotDays: 365 });
    deepEqual(await tiers(house), ["all 200 unfiled 200 rows"]);

    await put(house, days(400, 10), { series: SERIES });
    const before = await read(house, QUERY);
    await archive(house, { hotDays: 365 });
    deepEqual(await tiers(house), ["all 210 filed 210 rows"]);
    equal(await read(house, QUERY), before);

    // A new day, and yesterday's candle as the venue corrected it.
    const { ingested, revised } = await put(house, [...days(164, 1), ...days(165, 1, "2.5")], {
      series: SERIES,
    });
    deepEqual([ingested, revised], [1, 1]);
    deepEqual(await tiers(house), ["all 211 filed 0 rows"]);
    equal(await rows(), 211);
    await archive(house, { hotDays: 365 });
    await archive(house, { hotDays: 365, now: Date.now() + 40 * DAY });
    equal(await rows(), 211);
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
  },
);
