import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** Below this, packing costs more than it saves. */
const LEAST_BYTES = 4 * 1024;

/** Level 1 leaves rows of candles half as large again, level 6 takes twice the time for nothing. */
const LEVEL = 2;

const PACKABLE = /^(application\/json|text\/(csv|html|plain|markdown))\b/;

const pack = promisify(gzip);

/** Whether answers of this media type are packed for those who ask for it. */
export function isPackable(contentType: string | undefined): boolean {
  return contentType !== undefined && PACKABLE.test(contentType);
}

/** Whether an Accept-Encoding header asks for gzip; a weight of 0 forbids it. */
export function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  const weights = new Map(
    header.toLowerCase().split(",").map((part) => {
      const [coding = "", ...parameters] = part.split(";").map((one) => one.trim());
      const weight = parameters.find((one) => one.startsWith("q="))?.slice(2) ?? "1";
      return [coding, Number(weight)] as const;
    }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

/** The body as gzip, packed beside this thread; undefined where it is too small to be worth it. */
export function packed(
  body: string | Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array> | undefined {
  if (body.length < LEAST_BYTES) return undefined;
  // The buffer may be used again as soon as this returns.
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body.slice();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(await pack(bytes, { level: LEVEL }));
      controller.close();
    },
  });
}
