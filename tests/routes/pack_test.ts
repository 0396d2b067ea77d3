import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { acceptsGzip } from "@/routes/pack.ts";
import { matchesTag } from "@/routes/etag.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithCandles();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = Date.UTC(2024, 0, 1);
const ID = "kraken.AAA-USDT.1m";
const KLINES = `/api/v1/klines?symbol=AAAUSDT&interval=1m&start=${START}`;
const GZIP = { "accept-encoding": "deflate, gzip, br" };
const as = "admin" as const;

async function openWithCandles(): Promise<TestApp> {
  const app = await openApp();
  const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as, json });
  await put(app, 0, 400);
  return app;
}

async function put(app: TestApp, from: number, to: number, close = 1.5): Promise<void> {
  const minutes = Array.from({ length: to - from }, (_, i) => START + (from + i) * 60_000);
  const body = minutes.map((at, i) => `${at},1,2,0.5,${close},${i / 7}`).join("\n");
  const headers = { "content-type": "text/csv" };
  await app.json("POST", `/api/v1/series/${ID}/klines`, { as, body, headers });
}

for (const format of ["arrays", "objects", "csv"]) {
  Deno.test(`pack: ${format} come as gzip to those who ask, and are the same rows`, async () => {
    const { ask } = await openOnce();
    const plain = await ask("GET", `${KLINES}&format=${format}`);
    const packed = await ask("GET", `${KLINES}&format=${format}`, { headers: GZIP });
    assert.equal(plain.headers.get("content-encoding"), null);
    assert.equal(packed.headers.get("content-encoding"), "gzip");
    for (const { headers } of [plain, packed]) {
      assert.equal(headers.get("vary"), "accept-encoding");
    }
    const [text, bytes] = [await plain.text(), await packed.bytes()];
    assert.ok(bytes.length < text.length / 2, `${bytes.length} of ${text.length}`);
    const unpacked = gunzipSync(bytes).toString();
    const rows = (one: string) => format === "csv" ? one : JSON.stringify(JSON.parse(one).data);
    assert.equal(rows(unpacked), rows(text));
  });
}

Deno.test("pack: many answers at once do not get into each other", async () => {
  const { ask } = await openOnce();
  const limits = Array.from({ length: 20 }, (_, i) => 200 + i * 10);
  const sizes = await Promise.all(limits.map(async (limit) => {
    const response = await ask("GET", `${KLINES}&limit=${limit}`, { headers: GZIP });
    return JSON.parse(gunzipSync(await response.bytes()).toString()).data.length;
  }));
  assert.deepEqual(sizes, limits);
});

const PLAIN: readonly [what: string, path: string, headers?: Record<string, string>][] = [
  ["a parquet file", `${KLINES}&format=parquet`],
  ["a small answer", `${KLINES}&limit=3`],
  ["an answer for who forbids gzip", KLINES, { "accept-encoding": "br, gzip;q=0" }],
];

for (const [what, path, headers = GZIP] of PLAIN) {
  Deno.test(`pack: ${what} is left as it is`, async () => {
    const response = await (await openOnce()).ask("GET", path, { headers });
    assert.equal(response.headers.get("content-encoding"), null);
    await response.body?.cancel();
  });
}

Deno.test("pack: what crosses no network is left as it is, unless a proxy asks for others", async () => {
  const { app } = await openOnce();
  const codingFor = async (hostname: string, headers: Record<string, string> = {}) => {
    const request = new Request(`http://localhost${KLINES}`, { headers: { ...GZIP, ...headers } });
    const response = await app.fetch(request, { remoteAddr: { hostname } });
    await response.body?.cancel();
    return response.headers.get("content-encoding");
  };
  assert.equal(await codingFor("192.0.2.7"), "gzip");
  for (const near of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
    assert.equal(await codingFor(near), null);
    assert.equal(await codingFor(near, { "x-forwarded-for": "192.0.2.7" }), "gzip");
  }
});

Deno.test("pack: the event stream is left as it is", async () => {
  const { ask } = await openOnce();
  const response = await ask("GET", "/api/v1/events/stream?after=0", { as, headers: GZIP });
  assert.equal(response.headers.get("content-encoding"), null);
  await response.body?.cancel();
});

const ACCEPTED: readonly [header: string | undefined, accepts: boolean][] = [
  [undefined, false],
  ["", false],
  ["identity", false],
  ["gzip", true],
  ["GZip ; Q=0.5", true],
  ["x-gzip", true],
  ["*", true],
  ["*;q=0", false],
  ["*, gzip;q=0.0", false],
  ["gzip;q=1, *;q=0", true],
  ["gzip;q=x", false],
  ["not-gzip", false],
];

for (const [header, accepts] of ACCEPTED) {
  Deno.test(`pack: Accept-Encoding ${header} ${accepts ? "asks for" : "does not ask for"} gzip`, () => {
    assert.equal(acceptsGzip(header), accepts);
  });
}

Deno.test("GET klines: a caller that has the rows hears so, until they change", async () => {
  const app = await openOnce();
  const { ask } = app;
  const path = `${KLINES}&limit=300`;
  const tagOf = async (of = path) => {
    const { headers, body } = await ask("GET", of);
    await body?.cancel();
    return headers.get("etag") ?? assert.fail("no ETag");
  };
  const etag = await tagOf();
  assert.match(etag, /^W\/"[\w.-]+"$/);
  assert.equal(await tagOf(), etag);
  assert.notEqual(await tagOf(`${KLINES}&limit=299`), etag);
  for (const extra of [{}, GZIP]) {
    const same = await ask("GET", path, { headers: { ...extra, "if-none-match": `"x", ${etag}` } });
    assert.deepEqual([same.status, same.body, same.headers.get("etag")], [304, null, etag]);
  }
  await put(app, 7, 8, 1.25);
  const changed = await ask("GET", path, { headers: { "if-none-match": etag } });
  assert.equal(changed.status, 200);
  assert.equal((await changed.json()).data[7][4], 1.25);
  assert.notEqual(changed.headers.get("etag"), etag);
});

Deno.test("GET klines: that more rows exist changes the tag, though the rows are the same", async () => {
  const app = await openOnce();
  const path = `${KLINES}&limit=400`;
  const first = await app.ask("GET", path);
  const { meta } = await first.json();
  assert.equal(meta.next_cursor, null);
  await put(app, 400, 401);
  const headers = { "if-none-match": first.headers.get("etag") ?? "" };
  const second = await app.ask("GET", path, { headers });
  assert.equal(second.status, 200);
  assert.equal(typeof (await second.json()).meta.next_cursor, "string");
});

const MATCHES: readonly [header: string | undefined, etag: string, matches: boolean][] = [
  [undefined, 'W/"a"', false],
  ["*", 'W/"a"', true],
  ['"a"', 'W/"a"', true],
  ['W/"b" , W/"a"', '"a"', true],
  ['"ab"', 'W/"a"', false],
  ["a", 'W/"a"', false],
];

for (const [header, etag, matches] of MATCHES) {
  Deno.test(`etag: If-None-Match ${header} ${matches ? "names" : "does not name"} ${etag}`, () => {
    assert.equal(matchesTag(header, etag), matches);
  });
}
