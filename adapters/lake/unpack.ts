import { isDamagedGzip } from "@/domain/damaged_gzip.ts";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Refusal } from "@/domain/decider.ts";

/**
 * Unpacks a gzip file of one or more members and verifies its checksums. The engine could read it
 * as it is, but would take flipped bits for data. Throws a Refusal when it is damaged or no gzip.
 */
export async function unpack(
  path: string,
  { outPath, signal }: { outPath: string; signal: AbortSignal },
): Promise<void> {
  const packed = createReadStream(path, { highWaterMark: 1 << 18 });
  const out = createWriteStream(outPath, { flags: "wx" });
  try {
    await pipeline(packed, createGunzip({ chunkSize: 1 << 20 }), out, { signal });
  } catch (error) {
    if (!isDamagedGzip(error)) throw error;
    throw new Refusal("validation_error", `Cannot unpack the file: ${error.message}`);
  }
}
