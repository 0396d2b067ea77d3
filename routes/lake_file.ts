import { answer, type AppContext, failure } from "./envelope.ts";
import { byteRange, namesVersion, rangeHolds, wantsVersion } from "./byte_range.ts";

/** A file on the wire. */
export interface ServedFile {
  readonly type: string;
  readonly sizeBytes: number;
  /** In hex: the strong ETag. */
  readonly sha256: string;
  /** Only readers with a token may see it: nobody between may keep it. */
  readonly isPrivate: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes from inclusive to exclusive. */
  open(from: number, to: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** Answers GET and HEAD with the file, a part of it, or that it has not changed. */
export async function answerFile(c: AppContext, file: ServedFile): Promise<Response> {
  const { type, sizeBytes, sha256, isPrivate } = file;
  const etag = `"${sha256}"`;
  const headers = {
    etag,
    "accept-ranges": "bytes",
    // A name can get new bytes, so caches ask; and a range of packed bytes would be another range.
    "cache-control": `${isPrivate ? "private" : "public"}, no-cache, no-transform`,
    ...file.headers,
  };
  if (!wantsVersion(c.req.header("if-match"), etag)) {
    const message = "Cannot give this version of the file: it has another now";
    return failure(c, { code: "PRECONDITION_FAILED", message, field: "if-match" }, { headers });
  }
  if (namesVersion(c.req.header("if-none-match"), etag)) {
    return answer(c, null, { status: 304, headers });
  }
  const isHead = c.req.method === "HEAD";
  const asked = isHead || !rangeHolds(c.req.header("if-range"), etag)
    ? undefined
    : c.req.header("range");
  const range = byteRange(asked, sizeBytes);
  if (range.kind === "unsatisfiable") {
    return failure(c, {
      code: "RANGE_NOT_SATISFIABLE",
      message: `Cannot give bytes that the file does not have: it has ${sizeBytes}`,
      field: "range",
    }, { headers: { "content-range": `bytes */${sizeBytes}` } });
  }
  const [from, to] = range.kind === "part" ? [range.from, range.to] : [0, sizeBytes];
  return answer(c, isHead ? null : await file.open(from, to), {
    status: range.kind === "part" ? 206 : 200,
    headers: {
      ...headers,
      "content-type": type,
      "content-length": String(to - from),
      ...(range.kind === "part" ? { "content-range": `bytes ${from}-${to - 1}/${sizeBytes}` } : {}),
    },
  });
}
