import {
  BlobMissing,
  type BlobRef,
  type Blobs,
  type LocalBlob,
  type StoredBlob,
} from "@/events/blobs/blobs.ts";
import { sha256Of } from "./hashing.ts";
import { assertSha256 } from "./names.ts";

/** Blobs that end with the process. A blob is a temporary file while it is lent with `local`. */
export function openMemoryBlobs({ now = () => new Date() }: { now?: () => Date } = {}): Blobs {
  const blobs = new Map<string, { bytes: Uint8Array; putAt: Date }>();

  function found(sha256: string): Uint8Array {
    assertSha256(sha256);
    const blob = blobs.get(sha256);
    if (blob === undefined) throw new BlobMissing(sha256);
    return blob.bytes;
  }

  function put(bytes: Uint8Array): BlobRef {
    const sha256 = sha256Of(bytes);
    blobs.set(sha256, { bytes: bytes.slice(), putAt: now() });
    return { sha256, sizeBytes: bytes.length };
  }

  return {
    put: (bytes) => Promise.resolve(put(bytes)),
    async putFile(path) {
      const ref = put(await Deno.readFile(path));
      await Deno.remove(path);
      return ref;
    },
    async get(sha256) {
      return await Promise.resolve(found(sha256).slice());
    },
    async has(sha256) {
      assertSha256(sha256);
      return await Promise.resolve(blobs.has(sha256));
    },
    async putAt(sha256) {
      assertSha256(sha256);
      return await Promise.resolve(blobs.get(sha256)?.putAt);
    },
    async sizeOf(sha256) {
      assertSha256(sha256);
      return await Promise.resolve(blobs.get(sha256)?.bytes.length);
    },
    async local(sha256): Promise<LocalBlob> {
      const bytes = found(sha256);
      const path = await Deno.makeTempFile({ prefix: "chandlery-blob-" });
      await Deno.writeFile(path, bytes);
      return { path, release: () => Deno.removeSync(path) };
    },
    async delete(sha256) {
      assertSha256(sha256);
      await Promise.resolve(blobs.delete(sha256));
    },
    async deleteOld(sha256, putBefore) {
      assertSha256(sha256);
      const blob = blobs.get(sha256);
      const goes = blob !== undefined && blob.putAt < putBefore;
      if (goes) blobs.delete(sha256);
      return await Promise.resolve(goes);
    },
    async *list(): AsyncGenerator<StoredBlob> {
      for (const [sha256, { bytes, putAt }] of [...blobs]) {
        yield await Promise.resolve({ sha256, sizeBytes: bytes.length, putAt });
      }
    },
  };
}
