import { createHash } from "node:crypto";

/** UUIDv5 (RFC 9562): the same id for the same name, so that a repeat can be recognised. */
export function uuidV5(namespace: string, name: string): string {
  const hash = createHash("sha1").update(bytesOf(namespace)).update(name, "utf8").digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ]
    .join("-");
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Throws a TypeError when the namespace is no UUID. */
function bytesOf(uuid: string): Uint8Array {
  if (!UUID.test(uuid)) throw new TypeError(`Cannot use "${uuid}" as a namespace: it is no UUID`);
  return Uint8Array.fromHex(uuid.replaceAll("-", ""));
}
