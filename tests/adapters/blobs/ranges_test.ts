import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { openMemoryBlobs } from "@/adapters/blobs/memory.ts";
import { relativePath } from "@/adapters/blobs/names.ts";
import { openBlobRanges } from "@/adapters/blobs/ranges.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { BlobCorrupt, BlobMissing, type Blobs } from "@/events/blobs/blobs.ts";

const SIZE = 700_000;
const BYTES = Uint8Array.from({ length: SIZE }, (_, i) => (i * 2_654_435_761) >>> 24);

async function withBlobs(
  test: (blobs: Blobs, pathOf: (sha256: string) => string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const blobs = await openDiskBlobs({ directory });
    await test(blobs, (sha256) => `${directory}/${relativePath(sha256)}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("a range of a blob is exactly its bytes, for every range", () =>
  withBlobs(async (blobs) => {
    const { sha256 } = await blobs.put(BYTES);
    const ranges = openBlobRanges(blobs);
    const bound = fc.oneof(fc.nat(SIZE), fc.constantFrom(0, 1, 131_071, 131_072, 131_073, SIZE));
    await fc.assert(
      fc.asyncProperty(bound, bound, async (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const bytes = await bytesOf(await ranges.open(sha256, from, to));
        equal(bytes.length, to - from);
        equal(BYTES.subarray(from, to).every((byte, i) => byte === bytes[i]), true);
      }),
      { numRuns: 60 },
    );
  }));

Deno.test("a range of a blob is read as it is asked for, and says when the file ends too early", () =>
  withBlobs(async (blobs, pathOf) => {
    const { sha256 } = await blobs.put(BYTES);
    const reader = (await openBlobRanges(blobs).open(sha256, 0, SIZE)).getReader();
    const first = await reader.read();
    await Deno.chmod(pathOf(sha256), 0o644);
    await Deno.truncate(pathOf(sha256), first.value?.length ?? 0);
    await rejects(reader.read(), AdapterError);
  }));

Deno.test("a range of a blob goes on when the blob is deleted meanwhile", () =>
  withBlobs(async (blobs) => {
    const { sha256 } = await blobs.put(BYTES);
    const stream = await openBlobRanges(blobs).open(sha256, 5, SIZE);
    await blobs.delete(sha256);
    equal((await bytesOf(stream)).length, SIZE - 5);
  }));

Deno.test("a range of a blob that is missing or corrupt is refused before the first byte", () =>
  withBlobs(async (blobs, pathOf) => {
    const ranges = openBlobRanges(blobs);
    await rejects(ranges.open("0".repeat(64), 0, 1), BlobMissing);
    const { sha256 } = await blobs.put(BYTES);
    await Deno.chmod(pathOf(sha256), 0o644);
    await Deno.writeTextFile(pathOf(sha256), "something else");
    await rejects(ranges.open(sha256, 0, 1), BlobCorrupt);
  }));

Deno.test({
  name: "a range of a blob that nobody reads to its end holds no file open once it is cancelled",
  sanitizeResources: true,
  async fn() {
    const blobs = openMemoryBlobs();
    const { sha256 } = await blobs.put(BYTES);
    const lent: string[] = [];
    const ranges = openBlobRanges({
      async local(name) {
        const blob = await blobs.local(name);
        lent.push(blob.path);
        return blob;
      },
    });
    await (await ranges.open(sha256, 0, SIZE)).cancel();
    const reader = (await ranges.open(sha256, 0, SIZE)).getReader();
    await reader.read();
    const reading = reader.read();
    await reader.cancel();
    await reading;
    for (const path of lent) await rejects(Deno.stat(path), Deno.errors.NotFound);
    deepEqual(lent.length, 2);
  },
});
