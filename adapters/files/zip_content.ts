import type { ZipContent } from "@/domain/ports/zip_folder.ts";

const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const ENTRY_BYTES = 46;
const ENTRY_SIGNATURE = 0x02014b50;
/** The comment after the end record may be this long. */
const MOST_COMMENT_BYTES = 65_535;

/**
 * What the only entry of a zip holds, by the central directory at its end (PKZIP APPNOTE 4.3.12 and
 * 4.3.16); undefined for what is no such zip.
 */
export async function readZipContent(path: string): Promise<ZipContent | undefined> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const tailStart = Math.max(0, size - END_BYTES - MOST_COMMENT_BYTES);
  const tail = await readAt(file, tailStart, size - tailStart);
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < 0 || tail.getUint16(end + 10, true) !== 1) return undefined;
  const at = tail.getUint32(end + 16, true);
  if (at + ENTRY_BYTES > size) return undefined;
  const entry = await readAt(file, at, ENTRY_BYTES);
  if (entry.getUint32(0, true) !== ENTRY_SIGNATURE) return undefined;
  return { crc32: entry.getUint32(16, true), sizeBytes: entry.getUint32(24, true) };
}

async function readAt(file: Deno.FsFile, at: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  await file.seek(at, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(bytes.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return new DataView(bytes.buffer, 0, filled);
}
