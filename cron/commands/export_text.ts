import type { ResultFile } from "@/domain/ports/local_files.ts";

/** Makes one file of pages; `end` writes what must stand at its end. */
export interface PageWriter {
  write(page: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

export interface TextOptions {
  readonly gzip: boolean;
}

const encoder = new TextEncoder();
const NEWLINE = 10;
const OHLCV_COLUMNS = 6;

/** CSV pages under the header of the first one. */
export function createCsvWriter(result: ResultFile, options: TextOptions): PageWriter {
  const sink = openSink(result, options);
  let first = true;
  return {
    async write(page) {
      await sink.write(first ? page : page.subarray(page.indexOf(NEWLINE) + 1));
      first = false;
    },
    end: () => sink.end(),
  };
}

/** Freqtrade's JSON of CSV pages: `[[open_time, open, high, low, close, volume], …]`, digits as held. */
export function createFreqtradeWriter(result: ResultFile, options: TextOptions): PageWriter {
  const sink = openSink(result, options);
  let separator = "[";
  return {
    async write(page) {
      const lines = new TextDecoder().decode(page).split("\n").slice(1);
      const rows = lines.filter((line) => line !== "").map(ohlcv);
      if (rows.length === 0) return;
      await sink.write(encoder.encode(separator + rows.join(",")));
      separator = ",";
    },
    async end() {
      await sink.write(encoder.encode(separator === "[" ? "[]" : "]"));
      await sink.end();
    },
  };
}

function ohlcv(line: string): string {
  let end = -1;
  for (let column = 0; column < OHLCV_COLUMNS; column++) {
    end = line.indexOf(",", end + 1);
    if (end === -1) return `[${line.trimEnd()}]`;
  }
  return `[${line.slice(0, end)}]`;
}

function openSink(result: ResultFile, { gzip }: TextOptions): PageWriter {
  if (!gzip) return { write: (bytes) => result.write(bytes), end: () => Promise.resolve() };
  const stream = new CompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const copied = copy(stream.readable, result);
  // A failed copy shows at the next write or at the end, never as an unhandled rejection.
  copied.catch(() => {});

  async function push(work: Promise<void>): Promise<void> {
    try {
      await Promise.race([work, copied]);
    } catch {
      // The stream breaks because the copy did, and does not say why.
      await copied;
    }
  }

  return {
    write: (bytes) => push(writer.write(bytes.slice())),
    async end() {
      await push(writer.close());
      await copied;
    },
  };
}

async function copy(readable: ReadableStream<Uint8Array>, result: ResultFile): Promise<void> {
  for await (const chunk of readable) await result.write(chunk);
}
