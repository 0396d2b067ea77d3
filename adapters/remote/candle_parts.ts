import { isDamagedGzip } from "@/domain/damaged_gzip.ts";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { z } from "zod";
import { Refusal } from "@/domain/decider.ts";
import type { ImportFile } from "@/domain/ports/local_files.ts";
import { jsonParts } from "./json_parts.ts";

/** One request's worth of candles. */
export interface CandlePart {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: "text/csv" | "application/json" | "application/vnd.apache.parquet";
  readonly gzip: boolean;
  /** Bytes of the file that were read for it. */
  readonly readBytes: number;
}

/** Text a part holds before it is compressed; far below what the API takes. */
export const PART_BYTES = 48_000_000;
/** What the API takes at most. */
const MOST_SENT_BYTES = 64 * 1024 * 1024;

/** Cuts a file into parts that the API takes; text at line ends, each part under the header. */
export async function* candleParts(
  file: ImportFile,
  partBytes = PART_BYTES,
): AsyncGenerator<CandlePart> {
  switch (file.format) {
    case "csv":
      return yield* csvParts(file, partBytes);
    case "freqtrade":
      return yield* rowListParts(file, partBytes);
    case "json":
      return yield { ...await wholeFile(file), contentType: "application/json" };
    case "parquet":
      return yield { ...await wholeFile(file), contentType: "application/vnd.apache.parquet" };
  }
}

async function wholeFile({ name, path, gzip, sizeBytes }: ImportFile) {
  if (sizeBytes > MOST_SENT_BYTES) {
    throw new Refusal(
      "payload_too_large",
      `Cannot send ${name}: a running installation takes such files up to 64 MB; ` +
        "stop it and import directly, or export the candles as csv",
    );
  }
  return { bytes: await Deno.readFile(path), gzip, readBytes: sizeBytes };
}

/** The rows of a part as texts, header not counted; none where they are no text. */
export async function rowTexts(part: CandlePart): Promise<readonly string[]> {
  switch (part.contentType) {
    case "text/csv": {
      const lines = (await textOf(part)).split("\n").filter((line) => line.trim() !== "");
      return isHeader(lines[0] ?? "") ? lines.slice(1) : lines;
    }
    case "application/json": {
      const rows = rowsSchema.safeParse(parsed(await textOf(part))).data ?? [];
      return rows.map((row) => JSON.stringify(row).replace(/^\[|\]$/g, ""));
    }
    case "application/vnd.apache.parquet":
      return [];
  }
}

const rowsSchema = z.union([
  z.array(z.unknown()),
  z.object({ rows: z.array(z.unknown()) }).transform(({ rows }) => rows),
]);

/** Undefined for what our parser does not take, such as a bare NaN; its reader may. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function textOf({ bytes, gzip }: CandlePart): Promise<string> {
  const stream = new Blob([bytes]).stream();
  return await new Response(
    gzip ? stream.pipeThrough(new DecompressionStream("gzip")) : stream,
  ).text();
}

/** Lists of rows, cut between rows. */
async function* rowListParts(file: ImportFile, partBytes: number): AsyncGenerator<CandlePart> {
  const reader = { readBytes: 0 };
  for await (const text of jsonParts(textChunks(file, reader), partBytes)) {
    yield await textPart("application/json", text, reader);
  }
}

/** Blocks of lines are gathered until they make a part. */
async function* csvParts(file: ImportFile, partBytes: number): AsyncGenerator<CandlePart> {
  let header: string | undefined;
  let lines: string[] = [];
  let length = 0;
  const reader = { readBytes: 0 };

  async function cut(): Promise<CandlePart> {
    const text = `${header ?? ""}${lines.join("\n")}\n`;
    [lines, length] = [[], 0];
    return await textPart("text/csv", text, reader);
  }

  for await (const block of lineBlocks(textChunks(file, reader))) {
    let text = block;
    if (header === undefined) {
      const end = text.indexOf("\n");
      const firstLine = end === -1 ? text : text.slice(0, end);
      header = isHeader(firstLine) ? `${firstLine}\n` : "";
      if (header !== "") text = end === -1 ? "" : text.slice(end + 1);
    }
    if (text === "") continue;
    lines.push(text);
    length += text.length;
    if (length >= partBytes) yield await cut();
  }
  if (length > 0) yield await cut();
}

/** Takes over the bytes that were read since the last part. */
async function textPart(
  contentType: CandlePart["contentType"],
  text: string,
  reader: { readBytes: number },
): Promise<CandlePart> {
  const { readBytes } = reader;
  reader.readBytes = 0;
  return { bytes: await gzipped(text), contentType, gzip: true, readBytes };
}

/** Whole lines, many at a time, without the last line end. */
async function* lineBlocks(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = rest + chunk.replaceAll("\r", "");
    const end = lines.lastIndexOf("\n");
    rest = lines.slice(end + 1);
    if (end > 0) yield lines.slice(0, end);
  }
  const last = rest.trimEnd();
  if (last !== "") yield last;
}

/** The file's text as it streams, counting the bytes that were read for it. */
async function* textChunks(
  { name, path, gzip }: ImportFile,
  reader: { readBytes: number },
): AsyncGenerator<string> {
  const file = await Deno.open(path);
  const counted = file.readable.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        reader.readBytes += chunk.length;
        controller.enqueue(chunk);
      },
    }),
  );
  const decoder = new TextDecoder();
  for await (const bytes of gzip ? gunzipped(name, counted) : counted) {
    yield decoder.decode(bytes, { stream: true });
  }
  yield decoder.decode();
}

/** Not DecompressionStream: it refuses several gzip members in one file, which pigz and cat make. */
async function* gunzipped(
  name: string,
  source: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  // A failure of the source or of the stream reaches whoever reads.
  pipeline(Readable.from(source), gunzip, () => {});
  try {
    yield* gunzip;
  } catch (error) {
    if (!isDamagedGzip(error)) throw error;
    throw new Refusal("validation_error", `Cannot unpack ${name}: ${error.message}`);
  }
}

/** Open times are numbers or begin with a year; a name is neither. */
function isHeader(line: string): boolean {
  return !/^\s*["']?[-+.\d]/.test(line);
}

async function gzipped(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
