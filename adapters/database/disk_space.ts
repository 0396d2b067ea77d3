import { statfs } from "node:fs/promises";
import { DatabaseError } from "@/events/store/database.ts";

/** PGlite spins for ever when the disk of its log is full, so writing stops before. */
export const MIN_FREE_BYTES = 512 * 1024 * 1024;
const LOOK_EVERY_MS = 2_000;

/** Throws DatabaseError 53100 for a statement that may write while the disk is nearly full. */
export type SpaceGuard = (sql: string) => Promise<void>;

export function createSpaceGuard(
  folder: string,
  { freeBytes = freeBytesOf, now = () => performance.now() }: {
    freeBytes?: (folder: string) => Promise<number>;
    now?: () => number;
  } = {},
): SpaceGuard {
  let lookedAt = -Infinity;
  let free = Infinity;
  return async (sql) => {
    if (READ_ONLY.test(sql)) return;
    if (now() - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = now();
      free = await freeBytes(folder);
    }
    if (free >= MIN_FREE_BYTES) return;
    throw new DatabaseError(
      `The disk of ${folder} has ${Math.floor(free / 1_048_576)} MB left; writing stops below 512`,
      { sqlstate: "53100" },
    );
  };
}

/** The append function is called by a select, so `select` alone says nothing. */
const READ_ONLY = /^\s*(select(?![^]*\bappend\()|show|listen|set)\b/i;

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
