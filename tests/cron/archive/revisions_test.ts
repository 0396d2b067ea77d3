import { deepEqual, equal, rejects } from "node:assert/strict";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { createLakeFiles } from "@/projections/lake_files.ts";
import type { KlineRejectionEvent } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import type { Lake } from "@/domain/ports/lake.ts";
import type { House } from "@/tests/support/house.ts";
import {
  ALL_HOT,
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

const JAN = Date.UTC(2024, 0, 1);
const NOW = Date.now();

/** `[minute, volume, position, reason]` of each row in the period's revisions; undefined without a file. */
async function revisions({ archiving: { db }, blobs }: House, period = "2024-01") {
  const file = await createLakeFiles(db).find(ID, period);
  if (file === undefined || file.revisions === null) return undefined;
  const { path, release } = await blobs.local(file.revisions.sha256);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
  release();
  return rows.map(({ open_time, volume, position, reason }) => [
    (Number(open_time) - JAN) / MINUTE,
    volume === null ? null : Math.round(Number(volume) * 100) / 100,
    ...[Number(position), reason],
  ]);
}

/** A lake whose files of revisions read back a row short. */
function misreading({ archiving: { lake } }: House): Lake {
  const written = new Set<string>();
  return {
    ...lake,
    async revisions(input, path) {
      written.add(path);
      return await lake.revisions(input, path);
    },
    async describe(path) {
      const facts = await lake.describe(path);
      return written.has(path) ? { ...facts, rows: facts.rows - 1 } : facts;
    },
  };
}

/** The period of each compaction. */
async function compacted({ store }: House): Promise<unknown[]> {
  const events = await store.readAll({ after: 0, limit: 100, types: ["KlineBatchesCompacted"] });
  return events.map(({ data }) => data.period);
}

async function compactions(house: House): Promise<number> {
  return (await compacted(house)).length;
}

const bad = (from: number) => minutes(from, 1).map((one) => ({ ...one, high: "0.0625" }));

archiveTest("revisions: small batches leave theirs as soon as they are filed", async (house, t) => {
  const { position: first } = await put(house, minutes(JAN, 20));
  const { position: second } = await put(house, minutes(JAN + 2 * MINUTE, 2, 1));
  await put(house, minutes(JAN + 2 * MINUTE, 1, 2));
  const { position: refused } = await put(house, bad(JAN + 30 * MINUTE));
  await remove(house, JAN + 10 * MINUTE, JAN + 11 * MINUTE);
  const candles = await read(house);
  const kept = [
    [2, 1.3, first, "superseded"],
    [2, 2.1, second, "superseded"],
    [3, 1.4, first, "superseded"],
    [10, 1.2, first, "superseded"],
    [30, null, refused, "ohlc_violation"],
  ];

  await t.step("while their rows are still there", async () => {
    await archive(house, { now: NOW });
    deepEqual(await tiers(house), ["2024-01 19 filed 19 rows"]);
    deepEqual(await revisions(house), kept);
    equal(await read(house), candles);
  });

  await t.step("once: the next run finds nothing to add", async () => {
    await archive(house, { now: NOW });
    await archive(house, { now: NOW, hotDays: 1 });
    deepEqual(await tiers(house), ["2024-01 19 filed 0 rows"]);
    equal(await compactions(house), 1);
  });

  await t.step("and what is superseded or refused later is added by the next run", async () => {
    const { position: filed } = await put(house, minutes(JAN + 4 * MINUTE, 1, 5));
    await put(house, minutes(JAN + 15 * MINUTE, 1, 6));
    const { position: late } = await put(house, bad(JAN + 31 * MINUTE));
    await archive(house, { now: NOW + DAY, hotDays: 1 });
    const [before] = await house.store.readAll({ after: 0, limit: 1, types: ["KlinesArchived"] });
    deepEqual(await revisions(house), [
      ...kept.slice(0, 3),
      [4, 1.5, before?.position, "superseded"],
      kept[3],
      [15, 1.7, before?.position, "superseded"],
      kept[4],
      [31, null, late, "ohlc_violation"],
    ]);
    equal(filed > 0, true);
    equal(await compactions(house), 2);
  });

  await t.step("and a rebuild ends as before", async () => {
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
  });
});

archiveTest("revisions: what reads back differently is not recorded", async (house) => {
  await put(house, minutes(JAN, 5));
  await put(house, minutes(JAN, 2, 1));
  const deps = { lake: misreading(house) };
  await rejects(archive(house, { now: NOW, hotDays: 1, deps }), /Cannot keep the revisions of/);
  deepEqual([await compactions(house), await revisions(house)], [0, undefined]);
  await archive(house, { now: NOW, hotDays: 1 });
  equal((await revisions(house))?.length, 2);
});

archiveTest("revisions: none where nothing was superseded or refused", async (house) => {
  const FEB = Date.UTC(2024, 1, 1);
  await put(house, minutes(JAN, 5));
  await put(house, minutes(FEB, 5));
  await put(house, bad(FEB + 9 * MINUTE));
  await archive(house, { now: NOW, hotDays: 1 });
  equal(await revisions(house), undefined);
  deepEqual((await revisions(house, "2024-02"))?.map(([, , , reason]) => reason), [
    "ohlc_violation",
  ]);
  equal(await compactions(house), 1);
});

archiveTest(
  "revisions: rows refused in a blob touch the periods that they name, once",
  async (house, t) => {
    const FEB = Date.UTC(2024, 1, 1);
    const many = (from: number) =>
      Array.from({ length: 300 }, (_, n) => bad(from + n * MINUTE)).flat();
    const reasons = async (period?: string) => (await revisions(house, period))?.length;
    await put(house, minutes(JAN, 5));
    await put(house, minutes(FEB, 5));
    const { position } = await put(house, many(JAN));
    await archive(house, { now: NOW });
    await archive(house, { now: NOW });
    deepEqual(await compacted(house), ["2024-01"]);
    await put(house, many(FEB));
    await archive(house, { now: NOW });
    deepEqual(await compacted(house), ["2024-01", "2024-02"]);
    deepEqual([await reasons(), await reasons("2024-02")], [300, 300]);

    await t.step("or all of them, where the event does not say which", async () => {
      const { store, follower } = house;
      const [event] = await store.readAll({ after: position - 1, limit: 1 });
      equal(event?.type, "KlinesRejected");
      const before = trusted<KlineRejectionEvent>({
        type: "KlinesRejected",
        data: { ...event?.data, blobTimes: null },
      });
      const stream = {
        stream: `klines_rejected-${ID}`,
        expected: "any" as const,
        events: [before],
      };
      const commandId = crypto.randomUUID();
      const appended = await store.append([stream], { actor: "test", commandId });
      equal(await follower.waitFor(appended.position, 60_000), true);
      await archive(house, { now: NOW });
      await archive(house, { now: NOW });
      deepEqual((await compacted(house)).slice(2).sort(), ["2024-01", "2024-02"]);
      deepEqual([await reasons(), await reasons("2024-02")], [600, 300]);
    });

    await t.step("and a rebuild ends as before", async () => {
      const live = await checksums(house);
      await rebuildAll(house);
      deepEqual(await checksums(house), live);
    });
  },
);

archiveTest("revisions: small batches' stay beside those of large ones", async (house) => {
  const { position: small } = await put(house, minutes(JAN, 3));
  const { position: large } = await put(house, minutes(JAN + MINUTE, 400, 1));
  await put(house, minutes(JAN + 2 * MINUTE, 1, 2));
  await archive(house, { now: NOW, hotDays: ALL_HOT });
  const kept = [
    [1, 1.2, small, "superseded"],
    [2, 1.3, small, "superseded"],
    [2, 2.2, large, "superseded"],
  ];
  deepEqual(await revisions(house), kept);
  await archive(house, { now: NOW, hotDays: 1 });
  deepEqual(await revisions(house), kept);
});

archiveTest("revisions: candles removed from a file are kept there", async (house) => {
  await put(house, minutes(JAN, 400));
  await put(house, minutes(JAN + 400 * MINUTE, 1));
  // The batch goes: no other file holds what is removed then.
  await archive(house, { now: NOW, hotDays: 1 });
  equal(await revisions(house), undefined);
  const [filed] = await house.store.readAll({ after: 0, limit: 1, types: ["KlinesArchived"] });
  await remove(house, JAN + MINUTE, JAN + 2 * MINUTE);
  await archive(house, { now: NOW, hotDays: 1 });
  deepEqual(await revisions(house), [[1, 1.2, filed?.position, "superseded"]]);
});
