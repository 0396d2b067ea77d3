import type { ZipContent } from "@/domain/ports/zip_folder.ts";

const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const ENTRY_BYTES = 46;
const ENTRY_SIGNATURE = 0x02014b50;
/** The comment after the end record may be this long. */
const MOST_COMMENT_BYTES = 65_535;

/** What the only entry of a zip holds; undefined for what is no such zip. */
export async function readZipContent(path: string): Promise<ZipContent | undefined> {
  const entries = await readZipEntries(path);
  const [only] = entries ?? [];
  if (only === undefined || entries?.length !== 1) return undefined;
  return { crc32: only.crc32, sizeBytes: only.sizeBytes };
}

export interface ZipEntry extends ZipContent {
  /** As bytes that are read as Latin-1: what two places of an archive call the same is equal. */
  readonly rawName: string;
}

/**
 * All entries by the central directory at the end of a zip, in its order (PKZIP APPNOTE 4.3.12 and
 * 4.3.16); undefined for what has none that can be read.
 */
export async function readZipEntries(path: string): Promise<ZipEntry[] | undefined> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const tailStart = Math.max(0, size - END_BYTES - MOST_COMMENT_BYTES);
  const tail = await readAt(file, tailStart, size - tailStart);
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < 0) return undefined;
  const count = tail.getUint16(end + 10, true);
  const [length, start] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  if (start + length > size) return undefined;
  return entriesOf(await readAt(file, start, length), count);
}

function entriesOf(directory: DataView, count: number): ZipEntry[] | undefined {
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    if (at + ENTRY_BYTES > directory.byteLength) return undefined;
    if (directory.getUint32(at, true) !== ENTRY_SIGNATURE) return undefined;
    const lengths = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
    const [nameLength = 0] = lengths;
    const next = at + ENTRY_BYTES + lengths.reduce((sum, one) => sum + one, 0);
    if (next > directory.byteLength) return undefined;
    const name = new Uint8Array(directory.buffer, at + ENTRY_BYTES, nameLength);
    entries.push({
      rawName: String.fromCharCode(...name),
      crc32: directory.getUint32(at + 16, true),
      sizeBytes: directory.getUint32(at + 24, true),
    });
    at = next;
  }
  return entries;
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
