import { deepEqual, equal, rejects } from "node:assert/strict";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { trusted } from "@/events/trust.ts";
import { rejectedOpenTime } from "@/domain/klines/rejected_rows.ts";
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
  SERIES,
  tiers,
} from "./archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const NOW = Date.now();

async function events(house: House, type: string) {
  const found = await house.store.readAll({ after: 0, limit: 10_000, types: [type] });
  return found.map(({ data, at, position }) => ({ data, at, position }));
}

/** Blobs that each compaction let go of. */
async function compacted(house: House): Promise<unknown[][]> {
  const found = await events(house, "KlineBatchesCompacted");
  return found.map(({ data }) => trusted<{ blobs: unknown[] }>(data).blobs);
}

/** Candles that no file holds any more, as another reader of Parquet sees them. */
async function revisions(house: House) {
  return (await parquetRows(house)).map(({ open_time, volume, position, reason }) => [
    (Number(open_time) - JAN) / MINUTE,
    ...[Math.round(Number(volume) * 100) / 100, Number(position), reason],
  ]);
}

async function parquetRows({ blobs, database }: House) {
  const [row] = await database.query("select revisions from period_blobs_v3");
  const { sha256 } = trusted<{ sha256: string }>(row?.revisions);
  const { path, release } = await blobs.local(sha256);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
  release();
  return rows;
}

/** The same of refused rows: what was kept of each is its text. */
async function refusedRows(house: House) {
  return (await parquetRows(house)).map(({ open_time, reason, position, row, values }) => [
    (Number(open_time) - JAN) / MINUTE,
    ...[reason, Number(position), row === null ? null : Number(row)],
    values === null ? undefined : rejectedOpenTime(String(values)),
  ]);
}

/** The read models of the house, one of which never gets there in time. */
function behind({ follower }: House, name: string): House["archiving"]["projections"] {
  const waitFor: typeof follower.waitFor = async (position, timeoutMs, names) =>
    names?.includes(name) !== true && await follower.waitFor(position, timeoutMs, names);
  return { ...follower, waitFor };
}

async function blobNames({ blobs }: House): Promise<Set<string>> {
  return new Set((await Array.fromAsync(blobs.list())).map(({ sha256 }) => sha256));
}

archiveTest("compaction: lets go of batches once their rows are dropped", async (house, t) => {
  await put(house, minutes(JAN, 600));
  const second = await put(house, minutes(JAN + 599 * MINUTE, 300, 1));
  await put(house, minutes(JAN, 2, 2));
  const removedFrom = JAN + 700 * MINUTE;
  await remove(house, removedFrom, removedFrom + 2 * MINUTE);
  const before = await read(house);
  const [first] = await events(house, "KlinesRecorded");
  const bytes = await house.blobs.get(trusted<{ sha256: string }>(first?.data.blob).sha256);

  await t.step("not before: rows are made anew out of them", async () => {
    await archive(house, { now: NOW });
    deepEqual(await compacted(house), [[]]);
  });

  await t.step("not while the read model of its blobs is behind", async () => {
    const deps = { projections: behind(house, "period_blobs") };
    await archive(house, { now: NOW, hotDays: 1, deps });
    deepEqual(await compacted(house), [[]]);
  });

  await t.step(
    "what the file does not hold as it was is kept, with where it came from",
    async () => {
      const { bytesCompacted } = await archive(house, { now: NOW, hotDays: 1 });
      equal(Number(bytesCompacted) > 1_000, true);
      deepEqual((await compacted(house)).map(({ length }) => length), [0, 2]);
      deepEqual(await revisions(house), [
        [0, 1.1, first?.position, "superseded"],
        [1, 1.2, first?.position, "superseded"],
        [599, 1.6, first?.position, "superseded"],
        // Removed candles are not lost either.
        [700, 2.3, second.position, "superseded"],
        [701, 2.4, second.position, "superseded"],
      ]);
      equal(await read(house), before);
    },
  );

  await t.step("a rebuild ends as before while the blobs are still there", async () => {
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
  });

  await t.step("blobs that were put today stay: an event may be about to name them", async () => {
    deepEqual(await events(house, "BlobsDeleted"), []);
  });

  await t.step("none goes while the read model of their uses is behind", async () => {
    const deps = { projections: behind(house, "blob_uses") };
    await archive(house, { now: NOW + 2 * DAY, hotDays: 1, deps });
    deepEqual(await events(house, "BlobsDeleted"), []);
  });

  await t.step("older ones go, as the log says, and a rebuild ends as before", async () => {
    const held = await blobNames(house);
    const { blobsDeleted } = await archive(house, { now: NOW + 2 * DAY, hotDays: 1 });
    equal(blobsDeleted, 2);
    const [tombstone] = await events(house, "BlobsDeleted");
    const gone = trusted<{ blobs: { sha256: string }[] }>(tombstone?.data).blobs;
    deepEqual((await blobNames(house)).size, held.size - gone.length);
    for (const { sha256 } of gone) equal(await house.blobs.has(sha256), false);
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
    equal(await read(house), before);
  });

  await t.step("a deletion that was cut off is made up for", async () => {
    // As if the process had ended between the event and the deletion.
    const { sha256 } = await house.blobs.put(bytes);
    equal(sha256, trusted<{ sha256: string }>(first?.data.blob).sha256);
    await archive(house, { now: NOW + 3 * DAY, hotDays: 1 });
    equal(await house.blobs.has(sha256), false);
  });

  await t.step("a blob that was deleted stays once somebody needs it again", async () => {
    const { sha256 } = await house.blobs.put(bytes);
    const { seriesId, period, ...data } = trusted<Record<string, unknown>>(first?.data);
    await house.store.append([{
      ...{ stream: "klines-okx.BTC-USDT.1m-2024-01", expected: "none" },
      events: [{
        type: "KlinesRecorded",
        data: { ...data, seriesId: String(seriesId).replace("binance", "okx"), period },
      }],
    }], { actor: "test", commandId: crypto.randomUUID() });
    await archive(house, { now: NOW + 9 * DAY, seriesIds: [ID] });
    equal(await house.blobs.has(sha256), true);
  });
});

archiveTest("compaction: a replaced file is kept as long as is set, then goes", async (house) => {
  await put(house, minutes(JAN, 400));
  await archive(house, { now: NOW, hotDays: 1 });
  const [filed] = await events(house, "KlinesArchived");
  const { sha256: old } = trusted<{ blob: { sha256: string } }>(
    filed?.data.blob === undefined ? undefined : { blob: filed.data.blob },
  ).blob;
  // A late candle and a revised one.
  await put(house, [...minutes(JAN, 1, 5), ...minutes(JAN + 500 * MINUTE, 1)]);
  deepEqual(await tiers(house), ["2024-01 401 filed 0 rows"]);
  const before = await read(house);
  await archive(house, { now: NOW + 29 * DAY, hotDays: 1 });
  equal(await house.blobs.has(old), true);
  const { blobsDeleted } = await archive(house, { now: NOW + 31 * DAY, hotDays: 1 });
  equal(await house.blobs.has(old), false);
  equal(Number(blobsDeleted) >= 1, true);
  const kept = await revisions(house);
  deepEqual(kept.map(([minute, volume]) => [minute, volume]), [[0, 1.1]]);
  equal(await read(house), before);

  // The next one adds to what was kept.
  await put(house, minutes(JAN, 1, 6));
  await archive(house, { now: NOW + 62 * DAY, hotDays: 1 });
  deepEqual((await revisions(house)).map(([minute, volume]) => [minute, volume]), [
    [0, 1.1],
    [0, 6.1],
  ]);
  const live = await checksums(house);
  await rebuildAll(house);
  deepEqual(await checksums(house), live);
});

archiveTest(
  "compaction: equal candles of two series are one blob, which both need",
  async (house) => {
    const twin = { exchange: "okx", symbol: "BTC/USDT", interval: "1m" } as const;
    const candles = minutes(JAN, 400);
    await put(house, candles);
    await put(house, candles, { series: twin });
    const batches = await events(house, "KlinesRecorded");
    const names = new Set(batches.map(({ data }) => JSON.stringify(data.blob)));
    equal(names.size, 1);
    // The second batch makes it that the file is not the batch itself.
    await put(house, minutes(JAN + 400 * MINUTE, 3));
    await put(house, minutes(JAN + 400 * MINUTE, 3), { series: twin });
    const old = { now: NOW + 2 * DAY, hotDays: 1 };
    await archive(house, { ...old, seriesIds: ["binance.BTC-USDT.1m"] });
    const { sha256 } = trusted<{ sha256: string }>(batches[0]?.data.blob);
    equal(await house.blobs.has(sha256), true);
    await house.follower.rebuild("klines", {});
    await archive(house, old);
    equal(await house.blobs.has(sha256), false);
    await rebuildAll(house);
    deepEqual((await tiers(house)).map((tier) => tier.slice(8)), [
      ...["403 filed 0 rows", "403 filed 0 rows"],
    ]);
  },
);

archiveTest("compaction: keeps refused rows of the period with their reason", async (house) => {
  const FEB = Date.UTC(2024, 1, 1);
  const bad = (from: number, count: number) =>
    minutes(from, count).map((candle) => ({ ...candle, high: "0.0625" }));
  await put(house, minutes(JAN, 400));
  await put(house, minutes(JAN, 1, 1));
  // A few in the event, and many in its blob; those of February belong to another period.
  await put(house, [...bad(JAN + 2 * MINUTE, 2), ...bad(FEB, 1)]);
  await put(house, [...bad(JAN + 5 * MINUTE, 300), ...bad(FEB, 5)]);
  // Times that the engine does not read by itself.
  const path = `${house.folder}/odd.csv`;
  const line = "2024-01-01T01:04:00+01:00,1,0.5,1,1,1\n";
  await Deno.writeTextFile(path, `open_time,open,high,low,close,volume\n${line.repeat(260)}`);
  await house.ingest.ingestFiles(SERIES, [{ path, format: "csv", gzip: false }], {
    ...{ source: "import", actor: "test", commandId: crypto.randomUUID() },
  });
  const refused = await events(house, "KlinesRejected");
  const [few, many] = refused.map(({ position }) => position);
  deepEqual(refused.map(({ data }) => data.blob === null), [true, false, false]);
  await archive(house, { now: NOW, hotDays: 1 });
  await archive(house, { now: NOW + 2 * DAY, hotDays: 1 });
  const all = await refusedRows(house);
  const kept = all.filter(([minute]) => minute !== 4);
  deepEqual([all.length - kept.length, kept.length], [260, 303]);
  deepEqual(kept.filter(([minute]) => Number(minute) < 7), [
    [0, "superseded", kept[0]?.[2], null, undefined],
    [2, "ohlc_violation", few, 1, JAN + 2 * MINUTE],
    [3, "ohlc_violation", few, 2, JAN + 3 * MINUTE],
    [5, "ohlc_violation", many, 1, JAN + 5 * MINUTE],
    [6, "ohlc_violation", many, 2, JAN + 6 * MINUTE],
  ]);
  const live = await checksums(house);
  await rebuildAll(house);
  deepEqual(await checksums(house), live);

  // The next compaction adds to them, and takes none twice.
  await put(house, minutes(JAN, 1, 6));
  await put(house, bad(JAN + 2 * MINUTE, 1));
  await archive(house, { now: NOW + 62 * DAY, hotDays: 1 });
  const again = (await refusedRows(house)).filter(([minute]) => minute !== 4);
  deepEqual(again.map(([minute, reason]) => [minute, reason]), [
    ...[[0, "superseded"], [0, "superseded"], [2, "ohlc_violation"], [2, "ohlc_violation"]],
    ...kept.slice(2).map(([minute, reason]) => [minute, reason]),
  ]);
});

archiveTest("compaction: a batch that is missing without a word stops a rebuild", async (house) => {
  await put(house, minutes(JAN, 400));
  const [batch] = await events(house, "KlinesRecorded");
  await house.blobs.delete(trusted<{ sha256: string }>(batch?.data.blob).sha256);
  await rejects(house.follower.rebuild("klines", {}), { name: "BlobMissing" });
});
