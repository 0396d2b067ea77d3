import { statfs } from "node:fs/promises";

/** What the disk that holds this path still takes. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
