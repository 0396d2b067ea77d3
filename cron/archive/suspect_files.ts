import type { FiledPeriodFile } from "@/projections/file_checks.ts";
import { failureFields } from "../error_message.ts";
import type { ArchiveDeps } from "./archive_deps.ts";

type Deps = Pick<ArchiveDeps, "blobs" | "damagedReads" | "log">;

/** Files asked for their size at the same moment: a slow disk answers several as fast as one. */
const CONCURRENCY = 16;

/**
 * Keys of the files that are missing, have another size than was recorded, or were damaged when
 * somebody read them. None is read here.
 */
export async function suspectFiles(
  deps: Deps,
  files: readonly FiledPeriodFile[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const waiting = files.values();
  const lanes = Array.from({ length: Math.min(CONCURRENCY, files.length) }, async () => {
    for (const { key, sha256, sizeBytes } of waiting) {
      signal.throwIfAborted();
      const isSuspect = deps.damagedReads.has(sha256) || await sizeOf(deps, sha256) !== sizeBytes;
      if (isSuspect) found.add(key);
    }
  });
  await Promise.all(lanes);
  return found;
}

/** Undefined also where it cannot be asked for: what reads the file says why. */
async function sizeOf({ blobs, log }: Deps, sha256: string): Promise<number | undefined> {
  try {
    return await blobs.sizeOf(sha256);
  } catch (error) {
    log.warn("cannot ask for the size of a period file", { sha256, ...failureFields(error) });
    return undefined;
  }
}
