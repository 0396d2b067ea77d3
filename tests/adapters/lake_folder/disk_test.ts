import assert from "node:assert/strict";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { relativePath } from "@/adapters/blobs/names.ts";
import { openDiskLakeFolder } from "@/adapters/lake_folder/disk.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { LakeFolder } from "@/domain/ports/lake_folder.ts";
import { BlobCorrupt, BlobMissing, type Blobs } from "@/events/blobs/blobs.ts";

const PATH = "binance/BTC-USDT/1m/2020-03.parquet";

interface Place {
  readonly root: string;
  readonly blobs: Blobs;
  readonly folder: LakeFolder;
  /** Of a blob, put under a text. */
  put(text: string): Promise<string>;
  read(path: string): Promise<string>;
  stat(path: string): Promise<Deno.FileInfo>;
  blobPath(sha256: string): string;
}

async function withPlace(
  test: (place: Place) => Promise<void>,
  options: { link?: () => Promise<void> } = {},
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const blobsDirectory = `${root}/blobs`;
    const blobs = await openDiskBlobs({ directory: blobsDirectory });
    const place = { directory: `${root}/lake`, blobs, blobsDirectory };
    await test({
      ...{ root, blobs, folder: openDiskLakeFolder({ ...place, ...options }) },
      put: async (text) => (await blobs.put(new TextEncoder().encode(text))).sha256,
      read: (path) => Deno.readTextFile(`${root}/lake/${path}`),
      stat: (path) => Deno.stat(`${root}/lake/${path}`),
      blobPath: (sha256) => `${blobsDirectory}/${relativePath(sha256)}`,
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const noLinks = {
  link: () => Promise.reject(Object.assign(new Error("cross-device link"), { code: "EXDEV" })),
};

/** Nothing half done lies about. */
async function leftOver({ root }: Place): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(`${root}/lake/.tmp`));
  return entries.map(({ name }) => name);
}

Deno.test("a lake file is a second name of its blob, read-only, and costs nothing", () =>
  withPlace(async (place) => {
    const sha256 = await place.put("one");
    assert.equal(await place.folder.put(PATH, sha256), "linked");
    const [file, blob] = [await place.stat(PATH), await Deno.stat(place.blobPath(sha256))];
    assert.deepEqual([file.ino, file.nlink, (file.mode ?? 0) & 0o777], [blob.ino, 2, 0o444]);
    assert.equal(await place.read(PATH), "one");
    assert.equal(await place.folder.put(PATH, sha256), "kept");
    assert.deepEqual(await leftOver(place), []);
  }));

Deno.test("a lake file leaves mode and time of its blob alone, and follows when a put renews them", () =>
  withPlace(async ({ put, folder, blobs, blobPath, stat }) => {
    const sha256 = await put("one");
    const old = new Date("2020-01-01");
    await Deno.utime(blobPath(sha256), old, old);
    await folder.put(PATH, sha256);
    const [listed] = await Array.fromAsync(blobs.list());
    assert.deepEqual(listed?.putAt, old);
    assert.equal((await Deno.stat(blobPath(sha256))).mode, (await stat(PATH)).mode);
    await put("one");
    assert.equal(await folder.put(PATH, sha256), "kept");
    assert.equal(((await stat(PATH)).mtime ?? old) > old, true);
  }));

Deno.test("a removed or replaced lake file leaves the blob as it was", () =>
  withPlace(async ({ put, folder, blobs, read }) => {
    const [one, two] = [await put("one"), await put("two")];
    await folder.put(PATH, one);
    assert.equal(await folder.put(PATH, two), "linked");
    assert.equal(await read(PATH), "two");
    await folder.remove(PATH);
    await folder.remove(PATH);
    assert.equal(new TextDecoder().decode(await blobs.get(one)), "one");
    assert.equal(new TextDecoder().decode(await blobs.get(two)), "two");
  }));

Deno.test("a reader that has a lake file open goes on reading the version it opened", () =>
  withPlace(async ({ put, folder, root }) => {
    const [one, two] = [await put("one"), await put("two")];
    await folder.put(PATH, one);
    using file = await Deno.open(`${root}/lake/${PATH}`);
    await folder.put(PATH, two);
    const bytes = new Uint8Array(8);
    assert.equal(new TextDecoder().decode(bytes.subarray(0, await file.read(bytes) ?? 0)), "one");
  }));

Deno.test("readers of a file that is replaced over and over see one version or the other, whole", () =>
  withPlace(async (place) => {
    const texts = ["a".repeat(300_000), "b".repeat(200_000)];
    const hashes = [await place.put(texts[0] ?? ""), await place.put(texts[1] ?? "")];
    await place.folder.put(PATH, hashes[0] ?? "");
    let done = false;
    const seen = new Set<string>();
    const reading = (async () => {
      while (!done) seen.add(await place.read(PATH));
    })();
    for (let i = 0; i < 200; i++) await place.folder.put(PATH, hashes[i % 2] ?? "");
    done = true;
    await reading;
    assert.deepEqual([...seen].filter((text) => !texts.includes(text)), []);
    assert.deepEqual(await leftOver(place), []);
  }));

Deno.test("where links cannot be made a lake file is a read-only copy, made once", () =>
  withPlace(async (place) => {
    const { put, folder, stat, read, blobPath } = place;
    const [one, two] = [await put("one"), await put("two")];
    assert.equal(await folder.put(PATH, one), "copied");
    const file = await stat(PATH);
    assert.notEqual(file.ino, (await Deno.stat(blobPath(one))).ino);
    assert.equal((file.mode ?? 0) & 0o777, 0o444);
    assert.equal(await folder.put(PATH, one), "kept");
    assert.equal((await stat(PATH)).ino, file.ino);
    assert.equal(await folder.put(PATH, two), "copied");
    assert.equal(await read(PATH), "two");
    assert.deepEqual(await leftOver(place), []);
  }, noLinks));

Deno.test("a copy whose bytes have changed is made again", () =>
  withPlace(async ({ root, put, folder, read }) => {
    const one = await put("one");
    await folder.put(PATH, one);
    await Deno.chmod(`${root}/lake/${PATH}`, 0o644);
    await Deno.writeTextFile(`${root}/lake/${PATH}`, "0ne");
    assert.equal(await folder.put(PATH, one), "copied");
    assert.equal(await read(PATH), "one");
  }, noLinks));

Deno.test("a blob that is missing or corrupt is not shown, and what was shown stays", () =>
  withPlace(async (place) => {
    const [one, two] = [await place.put("one"), await place.put("two")];
    await place.folder.put(PATH, one);
    await assert.rejects(place.folder.put(PATH, "0".repeat(64)), BlobMissing);
    await Deno.chmod(place.blobPath(two), 0o644);
    await Deno.writeTextFile(place.blobPath(two), "2wo");
    await assert.rejects(place.folder.put(PATH, two), BlobCorrupt);
    assert.equal(await place.read(PATH), "one");
    assert.deepEqual(await leftOver(place), []);
  }));

Deno.test("a lake folder that cannot be made is the world's fault", () =>
  withPlace(async ({ root, put, folder }) => {
    await Deno.writeTextFile(`${root}/lake`, "in the way");
    await assert.rejects(folder.put(PATH, await put("one")), AdapterError);
    await assert.rejects(folder.writeManifest("{}"), AdapterError);
  }));

Deno.test("the list names period files of ours and nothing that others laid beside them", () =>
  withPlace(async ({ root, put, folder }) => {
    assert.deepEqual(await folder.list(), []);
    const sha256 = await put("one");
    const ours = [
      "binance/BTC-USDT/1d/all.parquet",
      "binance/BTC-USDT/1h/2020.parquet",
      PATH,
      "binance/BTC-USDT/1s/2020-03-01.parquet",
      "binanceusdm/BTC-USDT_USDT-240628/1mo/all.parquet",
    ];
    for (const path of ours) await folder.put(path, sha256);
    await folder.writeManifest("{}");
    for (const path of ["notes.txt", "binance/BTC-USDT/1m/features.parquet"]) {
      await Deno.writeTextFile(`${root}/lake/${path}`, "mine", { mode: 0o444 });
    }
    const edited = "binance/BTC-USDT/1m/2020-04.parquet";
    await Deno.writeTextFile(`${root}/lake/${edited}`, "mine", { mode: 0o644 });
    assert.deepEqual((await folder.list()).toSorted(), ours.toSorted());
  }));

Deno.test("folders go with their last file, and stay while somebody's file is in them", () =>
  withPlace(async ({ root, put, folder }) => {
    const sha256 = await put("one");
    const other = "binance/ETH-USDT/1m/2020-03.parquet";
    await folder.put(PATH, sha256);
    await folder.put(other, sha256);
    await folder.remove(PATH);
    await assert.rejects(Deno.stat(`${root}/lake/binance/BTC-USDT`), Deno.errors.NotFound);
    await Deno.writeTextFile(`${root}/lake/binance/ETH-USDT/1m/mine.csv`, "mine");
    await folder.remove(other);
    assert.equal(await Deno.readTextFile(`${root}/lake/binance/ETH-USDT/1m/mine.csv`), "mine");
  }));

Deno.test("what a killed process left half done is swept when it is an hour old, not before", () =>
  withPlace(async (place) => {
    const { root, blobs, put, folder, blobPath } = place;
    const sha256 = await put("one");
    await folder.put(PATH, sha256);
    await Deno.writeTextFile(`${root}/lake/.tmp/half`, "half");
    await Deno.link(blobPath(sha256), `${root}/lake/.tmp/link`);
    const long = new Date("2020-01-01");
    // The link is young although the time of its bytes is old.
    await Deno.utime(blobPath(sha256), long, long);
    const directories = { directory: `${root}/lake`, blobsDirectory: `${root}/blobs` };
    const at = (minutes: number) =>
      openDiskLakeFolder({ ...directories, blobs, now: () => Date.now() + minutes * 60_000 });
    await at(58).list();
    assert.deepEqual((await leftOver(place)).toSorted(), ["half", "link"]);
    await at(62).list();
    assert.deepEqual(await leftOver(place), []);
    assert.deepEqual(await folder.list(), [PATH]);
  }));

Deno.test("the manifest is replaced whole and is read-only", () =>
  withPlace(async ({ folder, read, stat }) => {
    await folder.writeManifest('{"a":1}');
    await folder.writeManifest('{"b":2}');
    assert.equal(await read("manifest.json"), '{"b":2}');
    assert.equal(((await stat("manifest.json")).mode ?? 0) & 0o777, 0o444);
  }));
