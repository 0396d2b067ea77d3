/** UUIDv5 (RFC 9562): the same id for the same name, so that a repeat can be recognised. */
export async function uuidV5(namespace: string, name: string): Promise<string> {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(16 + text.length);
  bytes.set(bytesOf(namespace));
  bytes.set(text, 16);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toHex();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}

/** Throws a TypeError when the namespace is no UUID. */
function bytesOf(uuid: string): Uint8Array {
  const hex = uuid.replaceAll("-", "");
  if (hex.length !== 32) throw new TypeError(`Cannot use "${uuid}" as a namespace: it is no UUID`);
  return Uint8Array.fromHex(hex);
}
