import { sha256OfFile } from "@/adapters/blobs/hashing.ts";
import type { House } from "@/tests/support/house.ts";
import { periods } from "./archive_house.ts";

/** Where the file of the n-th period lies. */
export async function fileOf(house: House, at: number): Promise<string> {
  return blobPath(house, (await periods(house))[at]?.fileSha256 ?? "");
}

/** Where a blob lies. */
export function blobPath({ folder }: House, sha256: string): string {
  return `${folder}/blobs/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}

/** One byte in the middle is another; so is the file's time, as of whatever was written. */
export async function rot(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  await Deno.chmod(path, 0o644);
  await Deno.writeFile(path, bytes);
}

/** The same, as a dying disk does it: the file's times stay. */
export async function rotUnseen(path: string): Promise<void> {
  const { atime, mtime } = await Deno.stat(path);
  await rot(path);
  await Deno.utime(path, atime ?? new Date(), mtime ?? new Date());
}

/** Whether a blob's file has the bytes of its name. */
export async function isWhole(path: string): Promise<boolean> {
  return path.endsWith((await sha256OfFile(path)).sha256);
}
