/** A WebSocket client that answers nothing and reads only when it is told to. */
export interface RawSocket {
  /** Sends a text as one frame. */
  send(text: string): Promise<void>;
  /** Kinds of the frames that come, to the one that closes: 1 text, 8 close, 9 ping. */
  frames(): Promise<readonly number[]>;
  close(): void;
}

const MASK = [1, 2, 3, 4] as const;
const CLOSE = 8;

export async function openRawSocket(port: number, path: string): Promise<RawSocket> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [
    ...[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, "Upgrade: websocket"],
    ...["Connection: Upgrade", "Sec-WebSocket-Version: 13"],
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  await writeAll(connection, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const head = new Uint8Array(2_000);
  const read = await connection.read(head);
  const [status = ""] = new TextDecoder().decode(head.subarray(0, read ?? 0)).split("\r\n");
  if (!status.includes(" 101 ")) throw new Error(status);
  return {
    async send(text) {
      const bytes = new TextEncoder().encode(text);
      const size = bytes.length < 126 ? [bytes.length] : [126, bytes.length >> 8, bytes.length];
      const masked = bytes.map((byte, i) => byte ^ (MASK[i % 4] ?? 0));
      const [first = 0, ...rest] = size;
      await writeAll(
        connection,
        new Uint8Array([0x81, 0x80 | first, ...rest, ...MASK, ...masked]),
      );
    },
    async frames() {
      const kinds: number[] = [];
      try {
        for await (const kind of frameKinds(connection.readable)) {
          kinds.push(kind);
          // The other side waits for an answer to it, and this one gives none.
          if (kind === CLOSE) break;
        }
      } catch (error) {
        // What the other side had not read when it closed makes the end a rough one.
        if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      }
      return kinds;
    },
    close: () => connection.close(),
  };
}

async function* frameKinds(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<number> {
  let bytes = new Uint8Array(0);
  for await (const chunk of chunks) {
    const joined = new Uint8Array(bytes.length + chunk.length);
    joined.set(bytes);
    joined.set(chunk, bytes.length);
    bytes = joined;
    for (let end = frameEnd(bytes); end <= bytes.length; end = frameEnd(bytes)) {
      yield (bytes[0] ?? 0) & 0x0f;
      bytes = bytes.slice(end);
    }
  }
}

/** Where the first frame ends; Infinity while its size has not come. */
function frameEnd(bytes: Uint8Array): number {
  const [, size = 255, high = 0, low = 0] = bytes;
  if (bytes.length < 2 || (size >= 126 && bytes.length < 10)) return Infinity;
  if (size < 126) return 2 + size;
  if (size === 126) return 4 + high * 256 + low;
  return 10 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(6);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}
