const SHA256 = /^[0-9a-f]{64}$/;

/** Throws a TypeError for anything but a SHA-256 in lower hex: a name becomes a path. */
export function assertSha256(name: string): void {
  if (!SHA256.test(name)) throw new TypeError(`Cannot name a blob ${JSON.stringify(name)}`);
}

export function isSha256(name: string): boolean {
  return SHA256.test(name);
}

/** Folders of two levels keep directories small: `ab/cd/abcd…`. */
export function relativePath(sha256: string): string {
  assertSha256(sha256);
  return `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}
