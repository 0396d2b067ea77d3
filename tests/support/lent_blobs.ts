import type { Blobs } from "@/events/blobs/blobs.ts";

/** Counts from now on how many files of these blobs are lent. */
export function countLent(blobs: Blobs): () => number {
  const local = blobs.local.bind(blobs);
  const lent = new Set<symbol>();
  blobs.local = async (sha256, options) => {
    const file = await local(sha256, options);
    const loan = Symbol();
    lent.add(loan);
    return {
      path: file.path,
      release() {
        lent.delete(loan);
        file.release();
      },
    };
  };
  return () => lent.size;
}
