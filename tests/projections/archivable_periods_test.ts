import { deepEqual, ok } from "node:assert/strict";
import { openDb } from "@/projections/db.ts";
import { bytesPerHotRow, listArchivable } from "@/projections/archivable_periods.ts";
import { archiveTest, ID, minutes, put } from "../cron/archive/archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);

archiveTest(
  "bytes a row: what rows take, not the room of those that were dropped",
  async (house) => {
    const { database } = house;
    await put(house, minutes(JAN, 4_000));
    const full = await bytesPerHotRow(database);
    const [row] = await database.query("select pg_total_relation_size('klines_v1_a')::int as size");
    const real = Number(row?.size) / 4_000;
    ok(full > real * 0.7 && full < real * 1.3, `${full} of ${real}`);
    await database.query(
      "delete from klines_v1_a where series_id = $1 and open_time >= $2",
      [ID, JAN + 100 * 60_000],
    );
    const few = await bytesPerHotRow(database);
    ok(few > full * 0.8 && few < full * 1.2, `${few} after ${full}`);
  },
);

archiveTest("archivable periods: each knows the newest candle of its series", async (house) => {
  const FEB = Date.UTC(2024, 1, 1);
  const twin = { exchange: "okx", symbol: "BTC/USDT", interval: "1m" } as const;
  await put(house, [...minutes(JAN, 2), ...minutes(FEB, 3)]);
  await put(house, minutes(JAN, 1), { series: twin });
  const found = await listArchivable(openDb(house.database));
  const shown = found.map(({ seriesId, period, watched, newestOpenTime }) =>
    [seriesId, period, watched, newestOpenTime] as const
  );
  deepEqual(shown.toSorted(([a, at], [b, bt]) => `${a}${at}` < `${b}${bt}` ? -1 : 1), [
    [ID, "2024-01", false, FEB + 2 * 60_000],
    [ID, "2024-02", false, FEB + 2 * 60_000],
    ["okx.BTC-USDT.1m", "2024-01", false, JAN],
  ]);
});
