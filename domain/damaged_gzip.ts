/** Whether unpacking failed because of the bytes, as zlib names it, and not because of the disk or the sender. */
export function isDamagedGzip(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^Z_/.test(String(error.code));
}
