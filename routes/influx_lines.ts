import { isDamagedGzip } from "@/domain/damaged_gzip.ts";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { isUnfinished, staysUnfinished } from "@/domain/influx/line_protocol.ts";
import { Refusal } from "@/domain/decider.ts";
import { joinedBytes } from "@/domain/joined_bytes.ts";
import { bodyChunks, isGzipped } from "./body.ts";
import type { AppContext } from "./envelope.ts";

export interface Line {
  /** Counts from 1. */
  readonly number: number;
  /** With lone surrogates where it was not UTF-8. */
  readonly text: string;
}

const MB = 1024 * 1024;
const MAX_SENT_BYTES = 16 * MB;
const MAX_UNPACKED_BYTES = 64 * MB;
/** A quote that nobody closes must not swallow the whole body. */
const MAX_LINE_CHARS = 64 * 1024;
const MOST_BYTES_A_CHAR = 3;
const LINE_BREAK = 10;
/** What stands for bytes that are no UTF-8, or was sent. */
const REPLACED = "\ufffd";
/** No text in UTF-8 holds one. */
const LONE_SURROGATE = "\ud800";
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The lines of a body that are not empty, as it streams in. Refusals: too large, badly packed. */
export async function* bodyLines(c: AppContext): AsyncGenerator<Line> {
  let number = 0;
  let rest = "";
  for await (const text of texts(c)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (let i = 0; i < lines.length; i++) {
      let line = lines[i] ?? "";
      const first = number + 1;
      number++;
      if (line === "") continue;
      // What is damaged may open a quote that nobody closes: it takes no other line with it.
      let open = line.isWellFormed() && isUnfinished(line);
      while (open && line.length < MAX_LINE_CHARS && i + 1 < lines.length) {
        const more = lines[++i] ?? "";
        line += `\n${more}`;
        number++;
        open = staysUnfinished(more);
      }
      if (open && line.length < MAX_LINE_CHARS) {
        // The end of the text is still on its way.
        number = first - 1;
        rest = `${line}\n${rest}`;
        break;
      }
      yield { number: first, text: line };
    }
    if (rest.length > MAX_LINE_CHARS) throw lineTooLong();
  }
  if (rest !== "") yield { number: number + 1, text: rest };
}

/** The body's text, cut only behind line breaks: no sign of several bytes holds one. */
async function* texts(c: AppContext): AsyncGenerator<string> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of unpacked(c)) {
    const end = chunk.lastIndexOf(LINE_BREAK) + 1;
    if (end > 0) {
      yield decoded(joinedBytes([...rest, chunk.subarray(0, end)]));
      rest = [];
      restBytes = 0;
    }
    rest.push(chunk.subarray(end));
    restBytes += chunk.length - end;
    if (restBytes > MAX_LINE_CHARS * MOST_BYTES_A_CHAR) throw lineTooLong();
  }
  yield decoded(joinedBytes(rest));
}

function decoded(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  if (isExact(text, bytes)) return text;
  const lines: string[] = [];
  let from = 0;
  while (from <= bytes.length) {
    const end = bytes.indexOf(LINE_BREAK, from);
    const line = bytes.subarray(from, end < 0 ? bytes.length : end);
    const text = decoder.decode(line);
    lines.push(isExact(text, line) ? text : text.replaceAll(REPLACED, LONE_SURROGATE));
    from += line.length + 1;
  }
  return lines.join("\n");
}

/** A decoder that throws instead takes ten times as long where many lines are damaged. */
function isExact(text: string, bytes: Uint8Array): boolean {
  if (!text.includes(REPLACED)) return true;
  const again = encoder.encode(text);
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
}

async function* unpacked(c: AppContext): AsyncGenerator<Uint8Array> {
  const sent = limited(bodyChunks(c), MAX_SENT_BYTES, "sent");
  if (!isGzipped(c)) return yield* sent;
  const gunzip = createGunzip();
  const source = Readable.from(sent);
  source.on("error", (error) => gunzip.destroy(error));
  try {
    yield* limited(source.pipe(gunzip), MAX_UNPACKED_BYTES, "unpacked");
  } catch (error) {
    if (!isDamagedGzip(error)) throw error;
    throw new Refusal("validation_error", "unable to parse: the body is no complete gzip file");
  } finally {
    gunzip.destroy();
  }
}

async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw tooLarge(what, maxBytes / MB, "MB");
    yield chunk;
  }
}

function lineTooLong(): Refusal {
  return tooLarge("in one line", MAX_LINE_CHARS / 1024, "KB");
}

function tooLarge(what: string, most: number, unit: string): Refusal {
  return new Refusal("payload_too_large", `Cannot take more than ${most} ${unit} ${what}`);
}
