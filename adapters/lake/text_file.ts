/** A file's text as it streams; bytes that are no UTF-8 become U+FFFD. */
export async function* textOf(path: string): AsyncGenerator<string> {
  using file = await Deno.open(path);
  const decoder = new TextDecoder();
  const piece = new Uint8Array(1 << 18);
  for (;;) {
    const read = await file.read(piece);
    if (read === null) break;
    yield decoder.decode(piece.subarray(0, read), { stream: true });
  }
  yield decoder.decode();
}

/** The first `characters` of a file, or all of it. */
export async function headOf(path: string, characters: number): Promise<string> {
  let head = "";
  for await (const chunk of textOf(path)) {
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
