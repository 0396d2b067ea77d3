import { BlobCorrupt, BlobMissing } from "@/events/blobs/blobs.ts";
import { AdapterError } from "./ports/adapter_error.ts";

/** A period's file is damaged or missing: neither reading nor adding candles goes on without it. */
export class DamagedFile extends AdapterError {
  constructor(readonly seriesId: string, readonly period: string, cause: Error) {
    const what = cause instanceof BlobMissing ? "missing" : "damaged";
    super(`Cannot read ${seriesId} ${period}: its file is ${what}`, {
      port: "blobs",
      op: `read ${seriesId} ${period}`,
      retryable: false,
      hint: `Run the archive for this series (deno task archive --series <series>, or ` +
        `POST /admin/archive/run with {"series":"${seriesId}"}): it makes the file again where ` +
        `that can be; else restore the blob from a backup. GET /admin/archive lists what is damaged`,
      cause,
    });
  }
}

/** The error itself, or that this period's file is damaged. */
export function namingDamage(
  error: unknown,
  { seriesId, period }: { readonly seriesId: string; readonly period: string },
): unknown {
  return isDamage(error) ? new DamagedFile(seriesId, period, error) : error;
}

/** Whether a blob is gone or no longer what its name says. */
export function isDamage(error: unknown): error is BlobCorrupt | BlobMissing {
  return error instanceof BlobMissing || error instanceof BlobCorrupt;
}
