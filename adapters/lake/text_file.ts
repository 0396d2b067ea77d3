import { Refusal } from "@/domain/decider.ts";

export interface TextFile {
  readonly path: string;
  readonly gzip: boolean;
}

/** A file's text as it streams; bytes that are no UTF-8 become U+FFFD. Throws a Refusal when it cannot be unpacked. */
export async function* textOf({ path, gzip }: TextFile): AsyncGenerator<string> {
  using file = await Deno.open(path);
  const bytes: ReadableStream<Uint8Array<ArrayBuffer>> = file.readable;
  const plain = gzip ? bytes.pipeThrough(new DecompressionStream("gzip")) : bytes;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of plain) yield decoder.decode(chunk, { stream: true });
  } catch (error) {
    if (!gzip || !(error instanceof TypeError)) throw error;
    throw new Refusal("validation_error", "Cannot unpack the file: it is no complete gzip file");
  }
  yield decoder.decode();
}

/** The first `characters` of a file, or all of it. */
export async function headOf(file: TextFile, characters: number): Promise<string> {
  let head = "";
  for await (const chunk of textOf(file)) {
    head += chunk;
    if (head.length >= characters) break;
  }
  return head;
}

/** Writes lines to a new file in large pieces. */
export class LineFile {
  static readonly #FLUSH_CHARACTERS = 1 << 20;
  readonly #file: Deno.FsFile;
  readonly #encoder = new TextEncoder();
  #pending = "";
  constructor(readonly path: string) {
    this.#file = Deno.openSync(path, { createNew: true, write: true });
  }

  async write(line: string): Promise<void> {
    this.#pending += line + "\n";
    if (this.#pending.length >= LineFile.#FLUSH_CHARACTERS) await this.#flush();
  }

  async close(): Promise<void> {
    await this.#flush();
    this.#file.close();
  }

  async #flush(): Promise<void> {
    let bytes = this.#encoder.encode(this.#pending);
    this.#pending = "";
    while (bytes.length > 0) bytes = bytes.subarray(await this.#file.write(bytes));
  }
}
