import { isDamagedGzip } from "@/domain/damaged_gzip.ts";
import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Refusal } from "@/domain/decider.ts";
import type { Spool, SpooledFile, SpoolOptions } from "@/domain/ports/spool.ts";
import type { Workspace } from "@/domain/ports/workspace.ts";

/** Spools into the workspace, which is swept at start: a kill leaves nothing for long. */
export function createDiskSpool(workspace: Pick<Workspace, "path">): Spool {
  return {
    async write(body, options) {
      const path = workspace.path(options.extension);
      const remove = () => Deno.remove(path).catch(ignoreMissing);
      try {
        const facts = await writeBody(body, path, options);
        return { path, ...facts, remove };
      } catch (error) {
        await remove();
        throw explained(error);
      }
    },
  };
}

async function writeBody(
  body: ReadableStream<Uint8Array>,
  path: string,
  { gzip, maxSentBytes, maxUnpackedBytes, signal }: SpoolOptions,
): Promise<Omit<SpooledFile, "path" | "remove">> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const hash = createHash("sha256");
  let sentBytes = 0;
  async function* counted() {
    for await (const chunk of body) {
      sentBytes += chunk.length;
      if (sentBytes > maxSentBytes) throw tooLarge("sent", maxSentBytes);
      hash.update(chunk);
      yield chunk;
    }
  }
  let sizeBytes = 0;
  let blank = true;
  // Not DecompressionStream: it refuses several gzip members in one file, which pigz and cat make.
  const unpack = gzip
    ? createGunzip()
    : new Transform({ transform: (c, _, done) => done(null, c) });
  let failure: unknown;
  await pipeline(Readable.from(counted()), unpack, async (chunks: AsyncIterable<Uint8Array>) => {
    try {
      for await (const chunk of chunks) {
        sizeBytes += chunk.length;
        blank &&= chunk.every(isSpace);
        if (sizeBytes > maxUnpackedBytes) throw tooLarge("unpacked", maxUnpackedBytes);
        for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      }
    } catch (error) {
      // The pipeline itself would only say that it was aborted.
      failure = error;
      throw error;
    }
  }, signal === undefined ? {} : { signal }).catch((error) => {
    throw failure === undefined || isAbort(failure) ? error : failure;
  });
  return { sizeBytes, blank, sha256: hash.digest("hex") };
}

/** Space, and what moves the pen: tab, line feed, vertical tab, form feed, carriage return. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function tooLarge(what: "sent" | "unpacked", maxBytes: number): Refusal {
  const limit = `${maxBytes / 1024 / 1024} MB`;
  const advice = "send it in parts";
  return new Refusal("payload_too_large", `Cannot take more than ${limit} ${what}: ${advice}`);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function explained(error: unknown): unknown {
  if (isDamagedGzip(error)) {
    return new Refusal("validation_error", "Cannot unpack the body: it is no complete gzip file");
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOSPC") return error;
  return new Refusal("storage_full", "Cannot take the body: the disk of the service is full");
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
