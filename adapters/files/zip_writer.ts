import { Zip, ZipDeflate } from "fflate";

/** Deflated in pieces of one size, however the text came: the same text makes the same bytes. */
const PIECE_BYTES = 64 * 1024;

/** Entries carry no time: DOS dates start here, and are read as local ones. */
const NO_TIME = new Date(1980, 0, 1);

/** Packs one text as it comes; memory holds one piece. */
export interface ZipWriter {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

/** Gives the bytes of a zip with one entry to `sink`. */
export function createZipWriter(
  entry: string,
  sink: (bytes: Uint8Array) => Promise<void>,
): ZipWriter {
  const packed: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error !== null) throw error;
    packed.push(chunk);
  });
  const file = new ZipDeflate(entry, { level: 6 });
  file.mtime = NO_TIME;
  zip.add(file);
  const piece = new Uint8Array(PIECE_BYTES);
  let filled = 0;

  async function flush(isLast: boolean): Promise<void> {
    file.push(piece.slice(0, filled), isLast);
    filled = 0;
    if (isLast) zip.end();
    for (const bytes of packed.splice(0)) await sink(bytes);
  }

  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        const part = bytes.subarray(at, at + PIECE_BYTES - filled);
        piece.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === PIECE_BYTES) await flush(false);
      }
    },
    end: () => flush(true),
  };
}
