/** What of a representation a GET asks for (RFC 9110, 14.2); `to` is exclusive. */
export type ByteRange =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly from: number; readonly to: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE = { kind: "whole" } as const;
const UNSATISFIABLE = { kind: "unsatisfiable" } as const;

/**
 * Reads a Range header. What is not understood, and several ranges at once, count as no range, which
 * the RFC allows: the answer is the whole.
 */
export function byteRange(header: string | undefined, sizeBytes: number): ByteRange {
  const [, first = "", last = ""] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? "") ?? [];
  if (first === "" && last === "") return WHOLE;
  if (first === "") {
    const suffix = Math.min(Number(last), sizeBytes);
    if (suffix === 0) return UNSATISFIABLE;
    return { kind: "part", from: sizeBytes - suffix, to: sizeBytes };
  }
  const from = Number(first);
  const end = last === "" ? Infinity : Number(last);
  if (end < from) return WHOLE;
  if (from >= sizeBytes) return UNSATISFIABLE;
  return { kind: "part", from, to: Math.min(end + 1, sizeBytes) };
}

/** Whether an If-None-Match header names this version: weakly compared, as for caches. */
export function namesVersion(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const names = header.split(",").map((name) => name.trim().replace(/^W\//, ""));
  return names.includes("*") || names.includes(etag);
}

/** Whether an If-Match header names this version: strongly compared, so a weak tag never does. */
export function wantsVersion(header: string | undefined, etag: string): boolean {
  if (header === undefined) return true;
  const names = header.split(",").map((name) => name.trim());
  return names.includes("*") || names.includes(etag);
}

/** Whether a Range still means what the caller has a part of; a date never does, for none is given out. */
export function rangeHolds(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange.trim() === etag;
}
