import { Refusal } from "@/domain/decider.ts";
import type { AppContext } from "./envelope.ts";
import { CallerGone } from "./errors.ts";

/** A JSON body that is not a batch of candles is small. */
const MAX_JSON_BYTES = 1024 * 1024;

const JSON_TYPE = ["application/json"] as const;

/** The body as it comes; throws {@linkcode CallerGone} when it breaks off. */
export async function* bodyChunks(c: AppContext): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    for await (const chunk of c.req.raw.body ?? []) yield chunk;
  } catch (error) {
    throw new CallerGone(error);
  }
}

/** Media type of the body in lower case, without parameters. Refusal when it is none of those. */
export function mediaType<T extends string>(c: AppContext, known: readonly T[]): T {
  const header = c.req.header("content-type");
  const [type, ...parameters] = (header ?? "").split(";").map((part) => part.trim().toLowerCase());
  const found = known.find((one) => one === type);
  const charset = parameters.find((one) => one.startsWith("charset="))?.slice(8).replaceAll(
    '"',
    "",
  );
  if (found !== undefined && (charset === undefined || charset === "utf-8")) return found;
  const given = header === undefined ? "a body without Content-Type" : `Content-Type ${header}`;
  throw new Refusal(
    "unsupported_media_type",
    `Cannot read ${given}: send ${known.join(", ")} in UTF-8`,
    { field: "content-type" },
  );
}

/** Whether the body is gzipped. Refusal for another encoding. */
export function isGzipped(c: AppContext): boolean {
  const encoding = c.req.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "gzip" || encoding === "x-gzip") return true;
  if (encoding === "identity") return false;
  throw new Refusal(
    "unsupported_media_type",
    `Cannot unpack Content-Encoding ${encoding}: send gzip or nothing`,
    { field: "content-encoding" },
  );
}

/**
 * Parses a small JSON body; where it is optional, none is `{}`, whatever its type. Refusals: too
 * large, another media type, or not JSON.
 */
export async function readJson(
  c: AppContext,
  { optional = false }: { readonly optional?: boolean } = {},
): Promise<unknown> {
  const { "content-type": type, "content-length": length } = c.req.header();
  if (optional && (type === undefined || length === "0")) {
    for await (const { length } of bodyChunks(c)) if (length > 0) mediaType(c, JSON_TYPE);
    return {};
  }
  mediaType(c, JSON_TYPE);
  if (isGzipped(c)) {
    throw new Refusal("unsupported_media_type", "Cannot unpack this body: send it as it is", {
      field: "content-encoding",
    });
  }
  const text = await readText(c);
  if (optional && text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal("malformed_json", "Cannot read the body: it is not JSON in UTF-8");
  }
}

async function readText(c: AppContext): Promise<string> {
  const declared = Number(c.req.header("content-length") ?? 0);
  if (declared > MAX_JSON_BYTES) throw tooLarge();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let sizeBytes = 0;
  for await (const chunk of bodyChunks(c)) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_JSON_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      await new Blob(chunks).arrayBuffer(),
    );
  } catch {
    throw new Refusal("malformed_json", "Cannot read the body: it is not JSON in UTF-8");
  }
}

function tooLarge(): Refusal {
  return new Refusal("payload_too_large", "Cannot take a JSON body of more than 1 MB here");
}
