import { AdapterError } from "@/domain/ports/adapter_error.ts";

/** What the file system said, as the jobs understand it. */
export function blobError(op: string, cause: unknown): AdapterError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AdapterError(`Cannot ${op} a blob: ${reason}`, {
    port: "blobs",
    op,
    // Bad names and missing source files stay bad; disks get space and come back.
    retryable: !(cause instanceof TypeError || cause instanceof Deno.errors.NotFound),
    hint: isFull ? "Free disk space in the data directory, then run it again" : undefined,
    cause,
  });
}
