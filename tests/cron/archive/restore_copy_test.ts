import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { lakeEntries } from "@/domain/klines/lake_manifest.ts";
import { openDb } from "@/projections/db.ts";
import { createLakeFiles } from "@/projections/lake_files.ts";
import type { House } from "@/tests/support/house.ts";
import { archive, archiveTest, ID, MINUTE, minutes, put, read } from "./archive_house.ts";
import { fileOf, isWhole, rot } from "./damage.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const LAKE = "binance/BTC-USDT/1m";

/** Two filed months with a late candle each, which lies in the file alone, shown in the readable lake. */
async function filed(house: House): Promise<string[]> {
  for (const month of [JAN, FEB]) await put(house, minutes(month, 3));
  await archive(house, { hotDays: 1 });
  for (const month of [JAN, FEB]) await put(house, minutes(month + 9 * MINUTE, 1));
  await archive(house, { hotDays: 1 });
  for (const file of await createLakeFiles(openDb(house.database)).list()) {
    for (const { path, sha256 } of lakeEntries(file)) await house.lakeFolder.put(path, sha256);
  }
  return await Promise.all([0, 1].map((at) => fileOf(house, at)));
}

archiveTest(
  "verify: a blob is put back from its second name in the readable lake",
  async (house) => {
    const [january = "", february = ""] = await filed(house);
    const before = await read(house);
    // Gone, and another file by now, as after a restore of a part.
    await Deno.remove(january);
    await Deno.copyFile(february, `${house.folder}/copy`);
    await rot(`${house.folder}/copy`);
    await Deno.rename(`${house.folder}/copy`, february);

    const told = await archive(house, { seriesIds: [ID] }).catch(String);
    match(String(told), /2024-01 and 1 more: .*is missing; .*written again from the readable lake/);
    deepEqual([await isWhole(january), await isWhole(february)], [true, true]);
    equal(await read(house), before);
    equal((await archive(house, { hotDays: 1 })).problems, 0);
  },
);

archiveTest("verify: a second name that rotted with its blob puts nothing back", async (house) => {
  const [january = ""] = await filed(house);
  await Deno.chmod(january, 0o644);
  await Deno.truncate(january, 100);
  await rejects(archive(house, { hotDays: 1 }), /2024-01: .*restore this blob from a backup/);
  equal((await Deno.stat(`${house.folder}/lake/${LAKE}/2024-01.parquet`)).size, 100);
});
