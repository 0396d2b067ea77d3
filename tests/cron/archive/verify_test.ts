import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { candle } from "@/tests/support/candles.ts";
import type { House } from "@/tests/support/house.ts";
import {
  archive,
  archiveTest,
  checksums,
  DAY,
  ID,
  MINUTE,
  minutes,
  put,
  read,
  rebuildAll,
  remove,
  tiers,
} from "./archive_house.ts";
import { fileOf, isWhole, rotUnseen } from "./damage.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const NOW = Date.now();
/** After a round over all files the next one begins a week later. */
const WEEK = 7 * DAY;

async function damagedFiles({ database }: House): Promise<unknown[]> {
  const rows = await database.query("select period, message from damaged_files_v1 order by key");
  return rows.map(({ period }) => period);
}

archiveTest("verify: rot is found by reading, and healed from the batches", async (house) => {
  await put(house, minutes(JAN, 300));
  await put(house, minutes(JAN + 300 * MINUTE, 3));
  await put(house, minutes(FEB, 3));
  await archive(house, { hotDays: 1 });
  const before = await read(house);
  const [path, february] = [await fileOf(house, 0), await fileOf(house, 1)];
  for (const file of [path, february]) await rotUnseen(file);
  // Of the batches of January nothing may be left to compact before.
  const found = await archive(house, { hotDays: 1, seriesIds: [ID] }).catch(String);
  match(
    String(found),
    /2024-01 and 1 more: .*bytes hash to.*written again from what it was made of/,
  );
  deepEqual([await isWhole(path), await isWhole(february)], [true, true]);
  deepEqual(await damagedFiles(house), []);
  equal(await read(house), before);
  const { problems } = await archive(house, { hotDays: 1, seriesIds: [ID] });
  equal(problems, 0);
  const live = await checksums(house);
  await rebuildAll(house);
  deepEqual(await checksums(house), live);
});

archiveTest(
  "verify: what was rescaled or lost candles is healed from the file before",
  async (house) => {
    await put(house, minutes(JAN, 300));
    await put(house, minutes(FEB, 3));
    await archive(house, { hotDays: 1 });
    // Its batches go, as they do in time.
    await archive(house, { hotDays: 1, now: NOW + 2 * DAY });
    await put(house, [candle({ openTime: FEB + 9 * MINUTE, low: "0.00001" })]);
    equal(await remove(house, JAN + MINUTE, JAN + 2 * MINUTE), 1);
    const before = await read(house);
    const path = await fileOf(house, 0);
    await Deno.remove(path);
    await rejects(
      archive(house, { seriesIds: [ID] }),
      /2024-01: .*is missing; it was written again/,
    );
    equal(await isWhole(path), true);
    equal(await read(house), before);
  },
);

archiveTest("verify: what nothing is left of is told until it is restored", async (house) => {
  await put(house, minutes(JAN, 3));
  await put(house, minutes(FEB, 3));
  await archive(house, { hotDays: 1 });
  // A late candle lies in the file alone.
  await put(house, minutes(JAN + 9 * MINUTE, 1));
  const path = await fileOf(house, 0);
  const bytes = await Deno.readFile(path);
  await rotUnseen(path);
  await rejects(archive(house, { now: NOW + WEEK }), /cannot be made again.*restore this blob/);
  deepEqual(await damagedFiles(house), ["2024-01"]);

  // Known ones are read every night, whatever the round is at.
  await rejects(archive(house, { now: NOW + WEEK }), /cannot be made again/);
  const [run] = await house.database.query(
    "select status, problems from archive_runs_v1 order by started_at desc limit 1",
  );
  match(JSON.stringify(run), /"failed".*"step":"verify","period":"2024-01"/);
  ok((await tiers(house)).every((tier) => tier.includes("filed")));

  await Deno.writeFile(path, bytes);
  await archive(house, { now: NOW + WEEK });
  deepEqual(await damagedFiles(house), []);
});

archiveTest(
  "verify: each file is read once a week, and a quiet night records nothing",
  async (house) => {
    await put(house, minutes(JAN, 3));
    await archive(house);
    await archive(house);
    const head = await house.store.head();
    await archive(house);
    equal(await house.store.head(), head);
    await archive(house, { now: NOW + WEEK });
    const [last] = (await house.store.readAll({
      ...{ after: 0, limit: 9, types: ["ArchiveFilesVerified"] },
    })).slice(-1);
    deepEqual([last?.data.files, last?.data.round], [1, { through: null }]);
  },
);
