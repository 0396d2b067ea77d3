const encoder = new TextEncoder();
const HEAD = encoder.encode('{"success":true,"data":');

/** Bodies up to this size are put together in one buffer that is used again and again. */
const SCRATCH_BYTES = 1024 * 1024;
const scratch = new Uint8Array(SCRATCH_BYTES);

/**
 * The envelope around rows that are JSON already; `meta` is the text of an object. The result is
 * valid until the next call: make a Response of it at once, which copies it (Fetch standard, "extract
 * a body").
 */
export function wrapRows(rows: Uint8Array, meta: string): Uint8Array<ArrayBuffer> {
  const tail = `,"meta":${meta}}`;
  // UTF-8 takes at most three bytes for each unit of UTF-16.
  const mostBytes = HEAD.length + rows.length + tail.length * 3;
  const buffer = mostBytes <= SCRATCH_BYTES ? scratch : new Uint8Array(mostBytes);
  buffer.set(HEAD);
  buffer.set(rows, HEAD.length);
  const end = HEAD.length + rows.length;
  const { written } = encoder.encodeInto(tail, buffer.subarray(end));
  return buffer.subarray(0, end + written);
}
