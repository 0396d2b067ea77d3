import { createHash } from "node:crypto";

/** Hashing more would hold up others longer than sending it does. */
const MOST_BYTES = 1024 * 1024;

const hashes = new WeakMap<Uint8Array, string>();

/**
 * A weak tag of rows and of what is said about them, for answers whose envelope differs each time.
 * Rows that stay in a cache are hashed once. Undefined where there is too much to hash.
 */
export function etagOf(rows: Uint8Array, about: string): string | undefined {
  if (rows.length > MOST_BYTES) return undefined;
  const hash = hashes.get(rows) ?? shortHash(rows);
  hashes.set(rows, hash);
  return `W/"${hash}.${about}"`;
}

export function shortHash(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64url").slice(0, 22);
}

/** Whether an If-None-Match header names the tag; weak and strong are the same to it (RFC 9110). */
export function matchesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  const bare = etag.replace(/^W\//, "");
  return header.split(",").some((one) => one.trim().replace(/^W\//, "") === bare);
}
