import type { BlobRanges } from "@/domain/ports/blob_ranges.ts";
import { BlobMissing, type Blobs } from "@/events/blobs/blobs.ts";
import { blobError } from "./disk_error.ts";

/** Held in memory of each open stream. */
const PIECE_BYTES = 128 * 1024;

/** Streams out of the files that blobs are; an open stream survives the blob's deletion. */
export function openBlobRanges(blobs: Pick<Blobs, "local">): BlobRanges {
  return {
    async open(sha256, from, to) {
      const blob = await blobs.local(sha256);
      try {
        const file = await Deno.open(blob.path);
        await file.seek(from, Deno.SeekMode.Start);
        return piecesOf(file, to - from, blob.release);
      } catch (error) {
        blob.release();
        throw error instanceof Deno.errors.NotFound
          ? new BlobMissing(sha256)
          : blobError("open", error);
      }
    },
  };
}

function piecesOf(
  file: Deno.FsFile,
  sizeBytes: number,
  release: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = sizeBytes;
  let open = true;

  /** Once, also when the caller goes away in the middle of a read. */
  function close(): void {
    if (!open) return;
    open = false;
    file.close();
    release();
  }

  // Without a queue: what nobody asks for is not read.
  return new ReadableStream({
    async pull(controller) {
      try {
        const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
        const read = left === 0 ? 0 : await file.read(piece);
        if (read === null) throw new TypeError("Cannot read on: the file ends too early");
        left -= read;
        if (read > 0) controller.enqueue(piece.subarray(0, read));
        if (left > 0) return;
        close();
        controller.close();
      } catch (error) {
        close();
        controller.error(blobError("read", error));
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
