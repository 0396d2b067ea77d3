import assert from "node:assert/strict";
import fc from "fast-check";
import { BlobMissing, type Blobs, type StoredBlob } from "@/events/blobs/blobs.ts";

export interface BlobsUnderTest {
  readonly name: string;
  /** Empty blobs, and a folder for the files of a test. */
  open(): Promise<{ blobs: Blobs; directory: string; close(): Promise<void> }>;
}

const HELLO = new TextEncoder().encode("hello");
const HELLO_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/** What every store of blobs promises. */
export function testBlobs({ name, open }: BlobsUnderTest): void {
  function test(
    title: string,
    body: (context: { blobs: Blobs; directory: string }) => Promise<void>,
  ): void {
    Deno.test(`blobs (${name}) ${title}`, async () => {
      const { blobs, directory, close } = await open();
      try {
        await body({ blobs, directory });
      } finally {
        await close();
      }
    });
  }

  test("name bytes by their SHA-256 and give them back", async ({ blobs }) => {
    assert.deepEqual(await blobs.put(HELLO), { sha256: HELLO_SHA256, sizeBytes: 5 });
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
    assert.equal(await blobs.has(HELLO_SHA256), true);
    assert.equal(await blobs.sizeOf(HELLO_SHA256), 5);
  });

  test("delete what is old, and leave what is young or not there", async ({ blobs }) => {
    const { sha256 } = await blobs.put(HELLO);
    assert.equal(await blobs.deleteOld(sha256, new Date(0)), false);
    assert.equal(await blobs.has(sha256), true);
    const putAt = (await blobs.putAt(sha256))?.getTime() ?? 0;
    assert.equal(Math.abs(putAt - Date.now()) < 60_000, true);
    const later = new Date(Date.now() + 60_000);
    assert.equal(await blobs.deleteOld(sha256, later), true);
    assert.equal(await blobs.has(sha256), false);
    await assert.rejects(blobs.get(sha256), BlobMissing);
    assert.equal(await blobs.deleteOld(sha256, later), false);
    assert.equal(await blobs.putAt(sha256), undefined);
    assert.equal(await blobs.sizeOf(sha256), undefined);
    await blobs.put(HELLO);
    assert.deepEqual([...await blobs.get(sha256)], [...HELLO]);
  });

  test("keep a blob that is put while it is deleted as old", async ({ blobs }) => {
    for (let n = 0; n < 30; n++) {
      const bytes = new TextEncoder().encode(`race ${n}`);
      const { sha256 } = await blobs.put(bytes);
      await new Promise((resolve) => setTimeout(resolve, 2));
      const limit = new Date();
      await Promise.all([
        blobs.deleteOld(sha256, limit),
        new Promise((resolve) => setTimeout(resolve, n % 3)).then(() => blobs.put(bytes)),
      ]);
      assert.deepEqual([...await blobs.get(sha256)], [...bytes], `race ${n}`);
    }
  });

  test("keep an empty blob", async ({ blobs }) => {
    const { sha256, sizeBytes } = await blobs.put(new Uint8Array());
    assert.equal(sizeBytes, 0);
    assert.equal((await blobs.get(sha256)).length, 0);
  });

  test("give back any bytes that were put", async ({ blobs }) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        const { sha256 } = await blobs.put(bytes);
        assert.deepEqual(new Uint8Array(await blobs.get(sha256)), new Uint8Array(bytes));
      }),
      { numRuns: 30 },
    );
  });

  test("do not change when the caller's bytes change afterwards", async ({ blobs }) => {
    const bytes = HELLO.slice();
    await blobs.put(bytes);
    bytes.fill(0);
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
  });

  test("take a file, which is gone afterwards", async ({ blobs, directory }) => {
    const path = `${directory}/a.bin`;
    await Deno.writeFile(path, HELLO);
    assert.deepEqual(await blobs.putFile(path), { sha256: HELLO_SHA256, sizeBytes: 5 });
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
  });

  test("hold one blob when the same is put many times at once", async ({ blobs, directory }) => {
    const paths = [1, 2, 3].map((n) => `${directory}/${n}.bin`);
    for (const path of paths) await Deno.writeFile(path, HELLO);
    await Promise.all([
      ...Array.from({ length: 10 }, () => blobs.put(HELLO)),
      ...paths.map((path) => blobs.putFile(path)),
    ]);
    assert.equal((await listed(blobs)).length, 1);
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
  });

  test("say which blob is missing", async ({ blobs }) => {
    assert.equal(await blobs.has(HELLO_SHA256), false);
    const isMissing = (error: unknown) =>
      error instanceof BlobMissing && error.sha256 === HELLO_SHA256;
    await assert.rejects(blobs.get(HELLO_SHA256), isMissing);
    await assert.rejects(blobs.local(HELLO_SHA256), isMissing);
  });

  test("lend a file with the bytes until it is released", async ({ blobs }) => {
    await blobs.put(HELLO);
    const { path, release } = await blobs.local(HELLO_SHA256);
    assert.deepEqual([...await Deno.readFile(path)], [...HELLO]);
    release();
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
  });

  test("delete a blob, and do nothing when it is already gone", async ({ blobs }) => {
    await blobs.put(HELLO);
    await blobs.delete(HELLO_SHA256);
    await blobs.delete(HELLO_SHA256);
    assert.equal(await blobs.has(HELLO_SHA256), false);
    assert.deepEqual(await listed(blobs), []);
  });

  test("take a blob again after it was deleted", async ({ blobs }) => {
    await blobs.put(HELLO);
    await blobs.delete(HELLO_SHA256);
    await blobs.put(HELLO);
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
  });

  test("list every blob with its size and the time it was put", async ({ blobs }) => {
    const before = Date.now() - 1_000;
    const refs = [await blobs.put(HELLO), await blobs.put(new Uint8Array(3))];
    const all = await listed(blobs);
    assert.deepEqual(
      all.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes })),
      refs.sort((a, b) => a.sha256 < b.sha256 ? -1 : 1),
    );
    for (const { putAt } of all) assert.ok(putAt.getTime() >= before);
  });

  test("refuse what is no SHA-256, whatever path it would lead to", async ({ blobs }) => {
    const names = ["", "..", "../../etc/passwd", HELLO_SHA256.toUpperCase(), `${HELLO_SHA256}0`];
    for (const bad of names) {
      await assert.rejects(blobs.get(bad), TypeError);
      await assert.rejects(blobs.has(bad), TypeError);
      await assert.rejects(blobs.local(bad), TypeError);
      await assert.rejects(blobs.delete(bad), TypeError);
    }
  });
}

export async function listed(blobs: Blobs): Promise<StoredBlob[]> {
  const all = await Array.fromAsync(blobs.list());
  return all.sort((a, b) => a.sha256 < b.sha256 ? -1 : 1);
}
