import { deepEqual, equal, notEqual } from "node:assert/strict";
import { openDiskLakeFolder } from "@/adapters/lake_folder/disk.ts";
import { createLakeMirror, type LakeMirror } from "@/cron/lake_mirror.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { LakeFolder } from "@/domain/ports/lake_folder.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import { openDb } from "@/projections/db.ts";
import { createLakeFiles } from "@/projections/lake_files.ts";
import { databases } from "../support/database.ts";
import { leapingClock } from "../support/fake_clock.ts";
import { type House, openHouse } from "../support/house.ts";
import { quietLog } from "../support/quiet_log.ts";
import { sha256OfFile } from "@/adapters/blobs/hashing.ts";

const MINUTE = 60_000;
const BTC = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const ID = "binance.BTC-USDT.1m";
const MARCH = Date.UTC(2020, 2, 31, 23, 50);

interface Scene {
  readonly house: House;
  readonly lake: string;
  readonly folder: LakeFolder;
  /** Takes in 20 candles over the end of a month, each with this close. */
  ingest(close: number, from?: number): Promise<void>;
  mirror(given?: { folder?: LakeFolder; clock?: Clock; log?: Log }): LakeMirror;
  /** What the folder holds: path → rows of its manifest. Fails where it is not what it should be. */
  checked(): Promise<Record<string, number>>;
}

const [pglite] = databases();

async function withScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  if (pglite === undefined) throw new Error("no database to test on");
  const { database, close } = await pglite.open();
  const root = await Deno.makeTempDir();
  const house = await openHouse(database, { folder: root });
  const files = createLakeFiles(openDb(database));
  const lake = `${root}/lake`;
  const blobsDirectory = `${root}/blobs`;
  const folder = openDiskLakeFolder({ directory: lake, blobs: house.blobs, blobsDirectory });
  try {
    await test({
      ...{ house, lake, folder },
      mirror: (given = {}) => {
        const mirror = createLakeMirror({
          ...{ folder, files, clock: leapingClock(0), log: quietLog, ...given },
        });
        house.follower.onApplied((events) => mirror.changed(events));
        return mirror;
      },
      async ingest(price, from = MARCH) {
        const path = `${root}/${crypto.randomUUID()}.csv`;
        const lines = Array.from(
          { length: 20 },
          (_, i) => `${from + i * MINUTE},${price},${price},${price},${price},1`,
        );
        await Deno.writeTextFile(path, lines.join("\n"));
        const { position } = await house.ingest.ingestFiles(BTC, [
          { path, format: "csv", gzip: false },
        ], { source: "import", actor: "test", commandId: crypto.randomUUID() });
        await house.follower.waitFor(position);
      },
      async checked() {
        const manifest = JSON.parse(await Deno.readTextFile(`${lake}/manifest.json`));
        const rows: Record<string, number> = {};
        for (const { periods } of manifest.series) {
          for (const { path, rows: count, sha256, bytes } of periods) {
            deepEqual(await sha256OfFile(`${lake}/${path}`), { sha256, sizeBytes: bytes });
            rows[path] = count;
          }
        }
        deepEqual((await folder.list()).toSorted(), Object.keys(rows).toSorted());
        return rows;
      },
    });
  } finally {
    await house.close();
    await close();
    await Deno.remove(root, { recursive: true });
  }
}

const BOTH = {
  "binance/BTC-USDT/1m/2020-03.parquet": 10,
  "binance/BTC-USDT/1m/2020-04.parquet": 10,
};

Deno.test("the readable lake shows periods as they are filed and follows new versions", () =>
  withScene(async ({ ingest, mirror, checked, house, lake }) => {
    const shown = mirror();
    await ingest(1);
    await shown.settled();
    deepEqual(await checked(), BOTH);
    const before = await Deno.readFile(`${lake}/binance/BTC-USDT/1m/2020-03.parquet`);
    await ingest(2.125);
    await shown.settled();
    deepEqual(await checked(), BOTH);
    const after = await Deno.readFile(`${lake}/binance/BTC-USDT/1m/2020-03.parquet`);
    equal(String(before) === String(after), false);
    const { series: [{ periods: [first] }] } = JSON.parse(
      await Deno.readTextFile(`${lake}/manifest.json`),
    );
    deepEqual(first.scale, { price: 3, volume: 0, quote: 0 });
    equal(first.position <= await house.store.head(), true);
    await shown.stop();
  }));

Deno.test("the readable lake drops what is removed: a period, then the series with its folders", () =>
  withScene(async ({ ingest, mirror, checked, house, lake }) => {
    await ingest(1);
    const shown = mirror();
    shown.start();
    await shown.settled();
    const place = { seriesId: ID, interval: "1m", reason: "test", keepOut: false } as const;
    const who = { actor: "test", commandId: crypto.randomUUID() };
    const april = Date.UTC(2020, 3, 1);
    await house.removal.remove({ ...place, ...who, from: MARCH, to: april });
    await shown.settled();
    deepEqual(await checked(), { "binance/BTC-USDT/1m/2020-04.parquet": 10 });
    const again = { actor: "test", commandId: crypto.randomUUID() };
    await house.removal.remove({ ...place, ...again, from: april, to: april * 2 });
    await shown.settled();
    deepEqual(await checked(), {});
    deepEqual((await Array.fromAsync(Deno.readDir(lake))).map(({ name }) => name).toSorted(), [
      ".tmp",
      "manifest.json",
    ]);
    await shown.stop();
  }));

Deno.test("the readable lake shows what a period's file holds no more, beside it, while it is filed", () =>
  withScene(async ({ ingest, mirror, folder, house, lake }) => {
    await ingest(1);
    const shown = mirror();
    shown.start();
    await shown.settled();
    const before = await folder.list();
    const blob = await house.blobs.put(new TextEncoder().encode("superseded"));
    const gone = await house.blobs.put(new TextEncoder().encode("a batch"));
    const stream = `klines-${ID}-2020-03`;
    const { version } = await house.store.readStream(stream);
    const { position } = await house.store.append([{
      ...{ stream, expected: version },
      events: [{
        type: "KlineBatchesCompacted",
        data: {
          ...{ seriesId: ID, period: "2020-03", blobs: [gone], replaces: null },
          ...{ revisions: { blob, rows: 1 }, refusedThrough: null },
        },
      }],
    }], { actor: "test", commandId: crypto.randomUUID() });
    await house.follower.waitFor(position);
    await shown.settled();
    const path = "binance/BTC-USDT/1m/revisions/2020-03.revisions.parquet";
    deepEqual((await folder.list()).toSorted(), [...before, path].toSorted());
    equal(await Deno.readTextFile(`${lake}/${path}`), "superseded");
    const purge = { seriesId: ID, interval: "1m", reason: "test", keepOut: false } as const;
    const who = { actor: "test", commandId: crypto.randomUUID() };
    await house.removal.remove({ ...purge, ...who, from: 0, to: MARCH * 2 });
    await shown.settled();
    deepEqual(await folder.list(), []);
    await shown.stop();
  }));

Deno.test("the readable lake is made again at start: deleted, tampered with, or behind", () =>
  withScene(async ({ ingest, mirror, checked, lake, folder, house }) => {
    const first = mirror();
    await ingest(1);
    await first.stop();
    deepEqual(await checked(), BOTH);
    const restart = async () => {
      const next = mirror();
      next.start();
      await next.settled();
      await next.stop();
      return await checked();
    };
    await Deno.remove(lake, { recursive: true });
    deepEqual(await restart(), BOTH);
    // A file of a series that is gone, and one with another month's bytes.
    const { sha256 } = await house.blobs.put(new TextEncoder().encode("old"));
    await folder.put("binance/OLD-USDT/1m/2020-03.parquet", sha256);
    await folder.put("binance/BTC-USDT/1m/2020-04.parquet", sha256);
    await Deno.remove(`${lake}/manifest.json`);
    deepEqual(await restart(), BOTH);
    await house.follower.rebuild("kline_periods", {});
    deepEqual(await restart(), BOTH);
  }));

Deno.test("the first change makes the whole readable lake, also where nobody started it", () =>
  withScene(async ({ ingest, mirror, checked }) => {
    await ingest(1);
    const shown = mirror();
    await ingest(1, Date.UTC(2020, 4, 1));
    await shown.stop();
    deepEqual(await checked(), { ...BOTH, "binance/BTC-USDT/1m/2020-05.parquet": 20 });
  }));

Deno.test("a blob that is missing is told once and hides no other file", () =>
  withScene(async ({ ingest, mirror, checked, house }) => {
    await ingest(1);
    const [row] = await house.database.query(
      "select file_sha256 from kline_periods_v1 where period = '2020-03'",
    );
    await house.blobs.delete(String(row?.file_sha256));
    const told: unknown[] = [];
    const log = { ...quietLog, error: (_: string, fields?: object) => told.push(fields) };
    const shown = mirror({ log });
    shown.start();
    await shown.settled();
    deepEqual(await checked(), { "binance/BTC-USDT/1m/2020-04.parquet": 10 });
    equal(told.length, 1);
    await shown.stop();
  }));

Deno.test("a blob that was damaged and healed is shown healed with the next event of its series", () =>
  withScene(async ({ ingest, mirror, checked, house, lake }) => {
    await ingest(1);
    const shown = mirror();
    shown.start();
    await shown.settled();
    const path = `${lake}/binance/BTC-USDT/1m/2020-03.parquet`;
    const bytes = await Deno.readFile(path);
    await Deno.chmod(path, 0o644);
    await Deno.writeTextFile(path, "damaged");
    // The archive files the period again: the same bytes, a new file, the event of before.
    await house.blobs.put(bytes);
    shown.changed((await house.store.readStream(`klines-${ID}-2020-03`)).events);
    await shown.settled();
    deepEqual(await checked(), BOTH);
    await shown.stop();
  }));

Deno.test("a disk that refuses is tried again after a minute, and nothing is lost", () =>
  withScene(async ({ ingest, mirror, checked, folder }) => {
    let full = 2;
    const clock = leapingClock(0);
    const flaky: LakeFolder = {
      ...folder,
      put(path, sha256) {
        if (full-- <= 0) return folder.put(path, sha256);
        const facts = { port: "lake folder", op: "put", retryable: true };
        return Promise.reject(new AdapterError("Cannot put: the disk is full", facts));
      },
    };
    const shown = mirror({ folder: flaky, clock });
    await ingest(1);
    await shown.settled();
    deepEqual(await checked(), BOTH);
    equal(clock.slept.filter((ms) => ms >= 59_000).length, 2);
    await shown.stop();
  }));

Deno.test("a stop shows what is pending without waiting for its turn", () =>
  withScene(async ({ ingest, mirror, checked, lake }) => {
    await ingest(1);
    const shown = mirror({ clock: { now: () => 0, sleep: untilAborted } });
    shown.start();
    await shown.settled();
    await ingest(3);
    const manifest = await Deno.readTextFile(`${lake}/manifest.json`);
    await shown.stop();
    deepEqual(await checked(), BOTH);
    notEqual(await Deno.readTextFile(`${lake}/manifest.json`), manifest);
  }));

Deno.test("a stop gives up what takes too long, and the next start makes it good", () =>
  withScene(async ({ ingest, mirror, checked, folder }) => {
    await ingest(1);
    let now = 0;
    const slow: LakeFolder = {
      ...folder,
      put(path, sha256) {
        now += 60_000;
        return folder.put(path, sha256);
      },
    };
    const shown = mirror({ folder: slow, clock: { now: () => now, sleep: untilAborted } });
    shown.start();
    await shown.stop();
    deepEqual(await folder.list(), ["binance/BTC-USDT/1m/2020-03.parquet"]);
    const next = mirror();
    next.start();
    await next.settled();
    deepEqual(await checked(), BOTH);
    await next.stop();
  }));

Deno.test("two instances on one folder end in the same state", () =>
  withScene(async ({ ingest, mirror, checked }) => {
    const both = [mirror(), mirror()];
    for (const one of both) one.start();
    for (let price = 1; price <= 5; price++) await ingest(price);
    for (const one of both) await one.settled();
    deepEqual(await checked(), BOTH);
    for (const one of both) await one.stop();
  }));

/** A pause that only a stop ends. */
function untilAborted(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((_, reject) =>
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}
