import { trusted } from "@/events/trust.ts";

/** JSON of any shape: tests reach into it. */
type Parsed = Awaited<ReturnType<Response["json"]>>;

/** A plain WebSocket client that keeps what came until it is asked for. */
export interface StreamClient {
  /** The next message; fails when none comes in time or the connection ends. */
  next(): Promise<Parsed>;
  /** Sends a request and gives what answers it, whatever came before. */
  ask(request: unknown): Promise<Parsed>;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  /** How the connection ended. */
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
  close(): Promise<void>;
}

const PATIENCE_MS = 15_000;

/** Opens a connection; rejects when the server refuses. */
export async function openStream(
  url: string,
  options: { readonly protocols?: string[]; readonly headers?: Record<string, string> } = {},
): Promise<StreamClient> {
  const socket = new WebSocket(url, trusted<WebSocketOptions>(options));
  const waiting: ((message: Parsed) => void)[] = [];
  const messages: Parsed[] = [];
  const ended = Promise.withResolvers<{ code: number; reason: string }>();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    const taker = waiting.shift();
    if (taker === undefined) messages.push(message);
    else taker(message);
  };
  socket.onclose = ({ code, reason }) => ended.resolve({ code, reason });
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) =>
      reject(new Error(event instanceof ErrorEvent ? event.message : "no connection"));
  });
  socket.onerror = () => {};

  async function next(): Promise<Parsed> {
    if (messages.length > 0) return messages.shift();
    const { promise, resolve, reject } = Promise.withResolvers<Parsed>();
    waiting.push(resolve);
    const timer = setTimeout(() => reject(new Error("no message came")), PATIENCE_MS);
    ended.promise.then(({ code }) => reject(new Error(`closed with ${code}`)));
    return await promise.finally(() => clearTimeout(timer));
  }

  return {
    next,
    async ask(request) {
      socket.send(JSON.stringify(request));
      for (;;) {
        const message = await next();
        if ("result" in message || "error" in message) return message;
      }
    },
    send: (data) => socket.send(data),
    ended: ended.promise,
    async close() {
      socket.close();
      await ended.promise;
    },
  };
}
