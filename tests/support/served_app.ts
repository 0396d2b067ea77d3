import { openApp, type TestApp } from "./app.ts";

/** The API of a test on a port. */
export interface ServedApp extends TestApp {
  readonly port: number;
  /** Of a path, for WebSockets. */
  wsUrl(path: string): string;
  readonly httpUrl: string;
}

export async function serveApp(changes: Parameters<typeof openApp>[0] = {}): Promise<ServedApp> {
  const app = await openApp(changes);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => app.app.fetch(request, info),
  );
  const { port } = server.addr;
  return {
    ...app,
    port,
    wsUrl: (path) => `ws://127.0.0.1:${port}${path}`,
    httpUrl: `http://127.0.0.1:${port}`,
    async close() {
      await server.shutdown();
      await app.close();
    },
  };
}
