import { statfs } from "node:fs/promises";

/** What the disk that holds this path takes, and still takes; what the data take nobody counts. */
export async function diskSpace(
  path: string,
): Promise<{ freeBytes: number; totalBytes: number; dataBytes: undefined }> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, dataBytes: undefined };
}
