import { ok } from "node:assert/strict";
import { bytesPerHotRow } from "@/projections/archivable_periods.ts";
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
