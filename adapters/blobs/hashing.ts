import { createHash } from "node:crypto";

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Reads the file once, a piece at a time. */
export async function sha256OfFile(path: string): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  using file = await Deno.open(path);
  const piece = new Uint8Array(1 << 20);
  for (;;) {
    const read = await file.read(piece);
    if (read === null) return { sha256: hash.digest("hex"), sizeBytes };
    hash.update(piece.subarray(0, read));
    sizeBytes += read;
  }
}
