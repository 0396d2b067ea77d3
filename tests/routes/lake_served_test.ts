import { deepEqual, equal, match } from "node:assert/strict";
import {
  asyncBufferFromUrl,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { openApp, type TestApp, TOKENS } from "@/tests/support/app.ts";
import { gunzipped, realDataTest, SHARED_DATA } from "@/tests/support/shared_data.ts";

const MINUTE = 60_000;
const MARCH = Date.UTC(2020, 2, 1);
const FILE = "/lake/kraken/AAA-USDT/1m/2020-03.parquet";
const DAY = 1_440;

/** What a client asked, in order. */
type Asked = readonly [method: string, range: string | null];

/** The API on a free port, as `serve` puts it there, and what was asked of it. */
function serve({ app }: TestApp) {
  const asked: Asked[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request, info) => {
    asked.push([request.method, request.headers.get("range")]);
    return app.fetch(request, info);
  });
  const { port } = server.addr;
  return { server, port, asked, url: `http://127.0.0.1:${port}` };
}

/** A candle that does not pack well. */
function line(i: number): string {
  const noise = Math.imul(i + 1, 2_654_435_761) >>> 8;
  const price = (9_000 + (noise % 10_000) / 100).toFixed(2);
  return `${MARCH + i * MINUTE},${price},9100.5,8900.25,${price},${noise % 1_000}.${i % 10}`;
}

async function withLake(
  test: (served: ReturnType<typeof serve>, app: TestApp) => Promise<void>,
  settings: NonNullable<Parameters<typeof openApp>[0]>["settings"] = {},
): Promise<void> {
  const app = await openApp({ settings });
  const json = { exchange: "kraken", symbol: "AAA/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as: "admin", json });
  const body = Array.from({ length: 5 * DAY }, (_, i) => line(i)).join("\n");
  const headers = { "content-type": "text/csv" };
  const path = "/api/v1/series/kraken.AAA-USDT.1m/klines";
  equal((await app.json("POST", path, { as: "admin", body, headers })).data.ingested, 5 * DAY);
  const served = serve(app);
  try {
    await test(served, app);
  } finally {
    await served.server.shutdown();
    await app.close();
  }
}

type Row = Readonly<Record<string, bigint | number | null>>;

/** The reader makes doubles of exact decimals, off by a last bit here and there. */
function sixColumns(row: Row): number[] {
  const { open_time, open, high, low, close, volume } = row;
  return [open_time, open, high, low, close, volume].map((value) => round(Number(value)));
}

function round(value: number): number {
  return Number(value.toFixed(8));
}

Deno.test("lake served: a Parquet reader takes the size, the footer, then what it needs, and gets all rows", () =>
  withLake(async ({ url, asked }) => {
    const file = await asyncBufferFromUrl({ url: `${url}${FILE}` });
    deepEqual(asked, [["HEAD", null]]);
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: 64 });
    equal(Number(metadata.num_rows), 5 * DAY);
    // The last 64 bytes hold the footer's length, then all of the footer comes.
    equal(asked[1]?.[1], `bytes=${file.byteLength - 64}-${file.byteLength - 1}`);
    const rows = await parquetReadObjects({ file, metadata, compressors });
    deepEqual(
      rows.map(sixColumns),
      Array.from({ length: 5 * DAY }, (_, i) => line(i).split(",").map(Number)),
    );
    equal(asked.every(([method, range]) => method === "HEAD" || range !== null), true);
  }));

Deno.test("lake served: a reader of one column of some rows is sent a part of the file", () =>
  withLake(async ({ url }) => {
    let received = 0;
    const counted = async (input: string | URL | Request, init?: RequestInit) => {
      const response = await fetch(input, init);
      received += init?.method === "HEAD" ? 0 : Number(response.headers.get("content-length"));
      return response;
    };
    const file = await asyncBufferFromUrl({ url: `${url}${FILE}`, fetch: counted });
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: 4_096 });
    equal(parquetSchema(metadata).children[0]?.element.name, "open_time");
    const columns = ["open_time"];
    const options = { file, metadata, compressors, columns, rowStart: 100, rowEnd: 103 };
    deepEqual(
      (await parquetReadObjects(options)).map(({ open_time }) => Number(open_time)),
      [100, 101, 102].map((i) => MARCH + i * MINUTE),
    );
    equal(received > 0 && received < file.byteLength / 2, true, `${received} bytes`);
  }));

Deno.test("lake served: private files open for a reader that sends its token", () =>
  withLake(async ({ url }) => {
    const refused = await fetch(`${url}${FILE}`, { method: "HEAD" });
    equal(refused.status, 401);
    const requestInit = { headers: { authorization: `Bearer ${TOKENS.reader}` } };
    const file = await asyncBufferFromUrl({ url: `${url}${FILE}`, requestInit });
    equal((await parquetReadObjects({ file, compressors })).length, 5 * DAY);
  }, { marketData: "private" }));

/** The answer as it is on the wire. */
async function raw(port: number, head: readonly string[]): Promise<string> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(
    new TextEncoder().encode([...head, "host: x", "connection: close", "", ""].join("\r\n")),
  );
  return new TextDecoder("latin1").decode(await new Response(connection.readable).arrayBuffer());
}

Deno.test("lake served: on the wire HEAD has the length and no body, a range is neither packed nor chunked", () =>
  withLake(async ({ port, url }) => {
    const size = (await (await fetch(`${url}${FILE}`)).arrayBuffer()).byteLength;
    const head = await raw(port, [`HEAD ${FILE} HTTP/1.1`]);
    match(head, /^HTTP\/1\.1 200 OK\r\n/);
    match(head, new RegExp(`\r\ncontent-length: ${size}\r\n`, "i"));
    equal(head.split("\r\n\r\n")[1], "");
    const headers = ["range: bytes=-4", "accept-encoding: gzip, br"];
    const part = await raw(port, [`GET ${FILE} HTTP/1.1`, ...headers]);
    match(part, /^HTTP\/1\.1 206 Partial Content\r\n/);
    match(part, /\r\ncontent-length: 4\r\n/i);
    equal(/transfer-encoding|content-encoding/i.test(part), false);
    equal(part.split("\r\n\r\n")[1], "PAR1");
    const manifest = await raw(port, ["GET /lake/manifest.json HTTP/1.1", ...headers]);
    equal(manifest.split("\r\n\r\n")[1], " ]\n}\n".slice(-4));
  }));

Deno.test("lake served: many readers at once each get their own bytes, and one that goes away hurts nobody", () =>
  withLake(async ({ url }) => {
    const all = new Uint8Array(await (await fetch(`${url}${FILE}`)).arrayBuffer());
    const reads = Array.from({ length: 60 }, async (_, i) => {
      const from = Math.floor(all.length / 100) * i;
      const to = Math.min(from + 5_000 + i, all.length - 1);
      const gone = new AbortController();
      const response = await fetch(`${url}${FILE}`, {
        ...{ headers: { range: `bytes=${from}-${to}` }, signal: gone.signal },
      });
      if (i % 5 === 0) return gone.abort();
      deepEqual(new Uint8Array(await response.arrayBuffer()), all.subarray(from, to + 1));
    });
    await Promise.all(reads);
  }));

realDataTest("lake served: every row of BTCUSDT 2017 is read through ranges", async () => {
  const app = await openApp();
  const series = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
  const path = `${SHARED_DATA}/spot_1m/BTCUSDT-1m-2017.csv.gz`;
  const outcome = await app.house.ingest.ingestFiles(series, [
    { path, format: "csv", gzip: true },
  ], { source: "import", actor: "test", commandId: crypto.randomUUID() });
  await app.house.follower.waitFor(outcome.position, 30_000);
  const { server, url } = serve(app);
  const listed = await (await fetch(`${url}/lake/binance/BTC-USDT/1m/`)).json();
  const rows: unknown[][] = [];
  for (const file of listed.data.files) {
    const buffer = await asyncBufferFromUrl({ url: file.url });
    rows.push(...(await parquetReadObjects({ file: buffer, compressors })).map(sixColumns));
  }
  const lines = (await gunzipped("spot_1m/BTCUSDT-1m-2017.csv.gz")).trim().split("\n").slice(1);
  const expected = lines.map((text) => text.split(",").slice(0, 6).map(Number));
  equal(rows.length, expected.length);
  equal(rows.findIndex((row, i) => String(row) !== String(expected[i])), -1);
  await server.shutdown();
  await app.close();
});
