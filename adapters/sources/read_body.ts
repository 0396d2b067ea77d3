/** A body, read up to a limit. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** There was more than the limit. */
  readonly truncated: boolean;
}

/** Throws what the connection fails with. */
export async function readBody(response: Response, limitBytes: number): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined && size <= limitBytes) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  const truncated = size > limitBytes;
  if (truncated) await reader?.cancel().catch(() => {});
  const bytes = new Uint8Array(Math.min(size, limitBytes));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, bytes.length - at), at);
    at += Math.min(chunk.length, bytes.length - at);
  }
  return { bytes, truncated };
}
