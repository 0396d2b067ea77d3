import assert from "node:assert/strict";
import { openApp, type TestApp, TOKENS } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithSeries();
Deno.test.afterAll(async () => await (await opened)?.close());

const ID = "kraken.AAA-USDT.1m";
const admin = { authorization: `Bearer ${TOKENS.admin}` };

async function openWithSeries(): Promise<TestApp> {
  const app = await openApp();
  const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as: "admin", json });
  return app;
}

/** The API on a free port of this machine, as `serve` puts it there. */
function serve({ app }: TestApp) {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => app.fetch(request, info),
  );
  const { port } = server.addr;
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** Lines of candles, `count` of them, in chunks as a slow sender has them. */
function lines(count: number, after?: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent === count) {
        after?.();
        return after === undefined ? controller.close() : undefined;
      }
      controller.enqueue(encoder.encode(`${1704067200000 + sent++ * 60_000},1,2,0.5,1.5,3\n`));
    },
  });
}

Deno.test("served: a body that streams in is taken whole", async () => {
  const app = await openOnce();
  const { server, url } = serve(app);
  const headers = { ...admin, "content-type": "text/csv" };
  const request = { method: "POST", headers, body: lines(500) };
  const response = await fetch(`${url}/api/v1/series/${ID}/klines`, request);
  const { data } = await response.json();
  assert.deepEqual([response.status, data.ingested], [200, 500]);
  await server.shutdown();
});

Deno.test("served: a sender that goes away leaves no file and no event behind", async () => {
  const app = await openOnce();
  const { server, url } = serve(app);
  const head = await app.house.store.head();
  const gone = new AbortController();
  const sending = fetch(`${url}/api/v1/series/${ID}/klines`, {
    method: "POST",
    headers: { ...admin, "content-type": "text/csv" },
    body: lines(100, () => gone.abort()),
    signal: gone.signal,
  });
  await assert.rejects(sending, { name: "AbortError" });
  await server.shutdown();
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${app.house.folder}/spool`)), []);
  assert.equal(await app.house.store.head(), head);
});

Deno.test("served: a declared size that is too large is answered without reading the body", async () => {
  const app = await openOnce();
  const { server, port } = serve(app);
  const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const head = [
    `POST /api/v1/series/${ID}/klines HTTP/1.1`,
    ...["host: x", "content-type: text/csv", "content-length: 99999999999"],
    ...[`authorization: ${admin.authorization}`, "connection: close", "", ""],
  ];
  await connection.write(new TextEncoder().encode(head.join("\r\n")));
  const buffer = new Uint8Array(4_096);
  const answer = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  assert.match(answer, /^HTTP\/1\.1 413 /);
  connection.close();
  await server.shutdown();
});

Deno.test("served: callers are limited by the address they come from", async () => {
  const limited = { settings: { rateLimits: { auth: 0, lab: 0, write: 0, market: 2 } } };
  const app = await openApp(limited);
  const { server, url } = serve(app);
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`${url}/api/v1/series`, {
      headers: { "x-forwarded-for": `1.1.1.${i}` },
    });
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
  await server.shutdown();
  await app.close();
});

Deno.test("served: streams end when the service stops, so that the server can", async () => {
  const app = await openApp();
  const { server, url } = serve(app);
  const response = await fetch(`${url}/api/v1/events/stream`, { headers: admin });
  const reading = response.text();
  app.stop();
  await server.shutdown();
  assert.equal(await reading, "retry: 1000\n\n");
  await app.close();
});

Deno.test("served: an event reaches a follower while the connection is open", async () => {
  const app = await openOnce();
  const { server, url } = serve(app);
  const gone = new AbortController();
  const after = await app.house.store.head();
  const response = await fetch(`${url}/api/v1/events/stream?after=${after}`, {
    ...{ headers: admin, signal: gone.signal },
  });
  const json = { exchange: "kraken", symbol: "LIVE/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as: "admin", json });
  let text = "";
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (text.includes("LIVE/USDT")) break;
  }
  assert.match(text, new RegExp(`^id: ${after + 1}$`, "m"));
  gone.abort();
  await server.shutdown();
});

Deno.test("served: HEAD tells the length that GET has, and sends no body", async () => {
  const app = await openOnce();
  const { server, port } = serve(app);
  const headOf = async (method: string, path: string) => {
    const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    const lines = [`${method} ${path} HTTP/1.1`, "host: x", "connection: close", "", ""];
    await connection.write(new TextEncoder().encode(lines.join("\r\n")));
    const text = await new Response(connection.readable).text();
    const [head = "", body = ""] = text.split("\r\n\r\n");
    return { length: /^content-length: (\d+)$/m.exec(head)?.[1], sent: body.length };
  };
  const paths = ["/health/live", "/openapi.json", "/docs", "/api/v1/series", "/nowhere"];
  for (const path of [...paths, "/api/v1/klines?symbol=AAAUSDT&interval=1m&format=csv"]) {
    const [got, head] = [await headOf("GET", path), await headOf("HEAD", path)];
    assert.ok(got.sent > 0);
    assert.deepEqual([head.sent, head.length], [0, got.length], path);
  }
  await server.shutdown();
});
