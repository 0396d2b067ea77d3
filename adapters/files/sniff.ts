import type { FileFormat } from "@/domain/ports/lake.ts";

export type FileKind =
  | { readonly kind: "candles"; readonly format: FileFormat; readonly gzip: boolean }
  | { readonly kind: "zip" }
  | { readonly kind: "unknown"; readonly what: string };

/** Enough for every signature and some lines of text. */
const HEAD_BYTES = 4_096;

const SIGNATURES: readonly (readonly [signature: readonly number[], kind: FileKind])[] = [
  [[0x50, 0x41, 0x52, 0x31], { kind: "candles", format: "parquet", gzip: false }],
  [[0x50, 0x4b, 0x03, 0x04], { kind: "zip" }],
  [[0x50, 0x4b, 0x05, 0x06], { kind: "zip" }],
  [[0x28, 0xb5, 0x2f, 0xfd], { kind: "unknown", what: "it is compressed with zstd" }],
  [[0xfd, 0x37, 0x7a, 0x58], { kind: "unknown", what: "it is compressed with xz" }],
  [[0x42, 0x5a, 0x68], { kind: "unknown", what: "it is compressed with bzip2" }],
  [[0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], { kind: "unknown", what: "it is a feather file" }],
  [[0x89, 0x48, 0x44, 0x46], { kind: "unknown", what: "it is an HDF5 file" }],
];

/** What a file holds, by its first bytes: names lie, and downloads come without one. */
export async function sniff(path: string): Promise<FileKind> {
  const head = await readHead(path);
  const known = SIGNATURES.find(([signature]) => signature.every((byte, i) => head[i] === byte));
  if (known !== undefined) return known[1];
  if (head[0] !== 0x1f || head[1] !== 0x8b) return sniffText(head, false);
  const inner = await gunzipHead(path);
  return inner === undefined
    ? { kind: "unknown", what: "it is a damaged gzip file" }
    : sniffText(inner, true);
}

function sniffText(head: Uint8Array, gzip: boolean): FileKind {
  if (head.includes(0)) return { kind: "unknown", what: "it is a binary file" };
  const text = new TextDecoder().decode(head).trimStart();
  if (text === "") return { kind: "unknown", what: "it is empty" };
  if (text.startsWith("[")) return { kind: "candles", format: "freqtrade", gzip };
  if (text.startsWith("{")) return { kind: "candles", format: "json", gzip };
  if (!/[,;\t]/.test(text)) return { kind: "unknown", what: "its first lines have no columns" };
  return { kind: "candles", format: "csv", gzip };
}

async function readHead(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const head = new Uint8Array(HEAD_BYTES);
  const read = await file.read(head);
  return head.subarray(0, read ?? 0);
}

/** The first unpacked bytes; undefined when it cannot be unpacked. */
async function gunzipHead(path: string): Promise<Uint8Array | undefined> {
  const file = await Deno.open(path);
  const reader = file.readable.pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    const { value } = await reader.read();
    return (value ?? new Uint8Array()).subarray(0, HEAD_BYTES);
  } catch {
    return undefined;
  } finally {
    // The pipe has failed already when the file is damaged.
    await reader.cancel().catch(() => {});
  }
}
