import { deepEqual, equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import { type ActorName, openApp, type TestApp } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithFiles();
Deno.test.afterAll(async () => await (await opened)?.close());

const MINUTE = 60_000;
const FEBRUARY = Date.UTC(2020, 1, 29, 23, 30);
const FILE = "/lake/kraken/AAA-USDT/1m/2020-02.parquet";
const as = "admin" as const;

async function openWithFiles(): Promise<TestApp> {
  const app = await openApp();
  await fill(app);
  return app;
}

/** An hour over the end of a month, and a series that has rows but no file. */
async function fill(app: TestApp, close = 1): Promise<void> {
  const lines = Array.from(
    { length: 60 },
    (_, i) => `${FEBRUARY + i * MINUTE},${close},${close},${close},${close},2`,
  );
  for (const symbol of ["AAA/USDT", "BBB/USDT:USDT", "CCC/USDT"]) {
    await app.json("POST", "/api/v1/series", {
      as,
      json: { exchange: "kraken", symbol, interval: "1m", watch: false },
    });
    const body = symbol === "CCC/USDT" ? `${Date.now() - 3_600_000},1,1,1,1,2` : lines.join("\n");
    const id = `kraken.${symbol.replace("/", "-").replace(":", "_")}.1m`;
    const { status } = await app.json("POST", `/api/v1/series/${id}/klines`, {
      ...{ as, body, headers: { "content-type": "text/csv" } },
    });
    equal(status, 200);
  }
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

async function whole(app: TestApp): Promise<Uint8Array> {
  return await bytesOf(await app.ask("GET", FILE));
}

Deno.test("lake: a file comes whole, with its size, its hash as ETag, and that ranges are accepted", async () => {
  const { ask } = await openOnce();
  const response = await ask("GET", FILE);
  const bytes = await bytesOf(response);
  const { headers } = response;
  deepEqual([response.status, headers.get("content-type")], [
    200,
    "application/vnd.apache.parquet",
  ]);
  equal(headers.get("content-length"), String(bytes.length));
  equal(headers.get("etag"), `"${createHash("sha256").update(bytes).digest("hex")}"`);
  equal(headers.get("accept-ranges"), "bytes");
  equal(headers.get("cache-control"), "public, no-cache, no-transform");
  equal(headers.get("content-range"), null);
  equal(headers.get("access-control-allow-origin"), "*");
  equal(new TextDecoder().decode(bytes.subarray(-4)), "PAR1");
});

Deno.test("lake: HEAD tells the same without a body, and minds no range", async () => {
  const { ask } = await openOnce();
  const [get, head] = [await ask("GET", FILE), await ask("HEAD", FILE)];
  const ranged = await ask("HEAD", FILE, { headers: { range: "bytes=0-3" } });
  for (const response of [head, ranged]) {
    equal(response.status, 200);
    equal(response.body, null);
    for (const name of ["etag", "content-length", "content-type", "accept-ranges"]) {
      equal(response.headers.get(name), get.headers.get(name), name);
    }
  }
  await get.body?.cancel();
});

Deno.test("lake: a range is answered 206 with just these bytes", async () => {
  const app = await openOnce();
  const all = await whole(app);
  const size = all.length;
  for (
    const [range, from, to] of [
      ["bytes=0-3", 0, 4],
      ["bytes=-8", size - 8, size],
      [`bytes=${size - 1}-`, size - 1, size],
      [`bytes=100-${size * 2}`, 100, size],
      [`bytes=-${size * 2}`, 0, size],
    ] as const
  ) {
    const response = await app.ask("GET", FILE, { headers: { range } });
    const bytes = await bytesOf(response);
    equal(response.status, 206, range);
    equal(response.headers.get("content-range"), `bytes ${from}-${to - 1}/${size}`);
    equal(response.headers.get("content-length"), String(to - from));
    deepEqual(bytes, all.subarray(from, to));
  }
});

Deno.test("lake: a range behind the end is answered 416 with the size", async () => {
  const app = await openOnce();
  const size = (await whole(app)).length;
  for (const range of [`bytes=${size}-`, `bytes=${size * 9}-${size * 9 + 1}`, "bytes=-0"]) {
    const response = await app.ask("GET", FILE, { headers: { range } });
    const { error } = await response.json();
    deepEqual([response.status, response.headers.get("content-range"), error.code], [
      416,
      `bytes */${size}`,
      "RANGE_NOT_SATISFIABLE",
    ]);
  }
});

Deno.test("lake: several ranges or none that makes sense are answered with the whole", async () => {
  const app = await openOnce();
  const all = await whole(app);
  for (const range of ["bytes=0-1,4-5", "bytes=9-3", "lines=1-2", "nonsense"]) {
    const response = await app.ask("GET", FILE, { headers: { range } });
    equal(response.status, 200, range);
    deepEqual(await bytesOf(response), all);
  }
});

Deno.test("lake: who holds the version is answered 304, without body and without a range", async () => {
  const { ask } = await openOnce();
  const etag = (await ask("HEAD", FILE)).headers.get("etag") ?? "";
  for (const value of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const headers = { "if-none-match": value, range: "bytes=0-3" };
    const response = await ask("GET", FILE, { headers });
    deepEqual([response.status, response.body, response.headers.get("etag")], [304, null, etag]);
  }
  const other = await ask("GET", FILE, { headers: { "if-none-match": '"x"' } });
  equal(other.status, 200);
  await other.body?.cancel();
});

Deno.test("lake: If-Range gives a part of the same version and the whole of another", async () => {
  const app = await openApp();
  await fill(app);
  const etag = (await app.ask("HEAD", FILE)).headers.get("etag") ?? "";
  const headers = { range: "bytes=4-7", "if-range": etag };
  const same = await app.ask("GET", FILE, { headers });
  deepEqual([same.status, (await bytesOf(same)).length], [206, 4]);
  await fill(app, 7);
  const changed = await app.ask("GET", FILE, { headers });
  const bytes = await bytesOf(changed);
  deepEqual([changed.status, changed.headers.get("content-length")], [200, `${bytes.length}`]);
  const now = createHash("sha256").update(bytes).digest("hex");
  equal(changed.headers.get("etag"), `"${now}"`);
  equal(changed.headers.get("etag") === etag, false);
  await app.close();
});

Deno.test("lake: manifest.json lists every file as the folder on disk does, and can be revalidated", async () => {
  const { ask } = await openOnce();
  const response = await ask("GET", "/lake/manifest.json");
  const etag = response.headers.get("etag") ?? "";
  const { version, series } = await response.json();
  deepEqual([version, series.map(({ id }: { id: string }) => id)], [1, [
    "kraken.AAA-USDT.1m",
    "kraken.BBB-USDT_USDT.1m",
  ]]);
  for (const { path, bytes, sha256, rows } of series[0].periods) {
    const head = await ask("HEAD", `/lake/${path}`);
    equal(head.headers.get("content-length"), String(bytes));
    equal(head.headers.get("etag"), `"${sha256}"`);
    equal(rows, 30);
  }
  const again = await ask("GET", "/lake/manifest.json", { headers: { "if-none-match": etag } });
  equal(again.status, 304);
  const part = await ask("GET", "/lake/manifest.json", { headers: { range: "bytes=0-0" } });
  deepEqual([part.status, await part.text()], [206, "{"]);
});

Deno.test("lake: superseded candles lie where manifest.json says, and folders show them", async () => {
  const app = await openApp();
  await fill(app);
  const { house: { store, blobs, follower }, json, ask } = app;
  const [kept, batch] = await Promise.all(
    ["superseded", "a batch"].map((text) => blobs.put(new TextEncoder().encode(text))),
  );
  const before = (await ask("GET", "/lake/manifest.json")).headers.get("etag");
  const stream = "klines-kraken.AAA-USDT.1m-2020-02";
  const { position } = await store.append([{
    ...{ stream, expected: (await store.readStream(stream)).version },
    events: [{
      type: "KlineBatchesCompacted",
      data: {
        ...{ seriesId: "kraken.AAA-USDT.1m", period: "2020-02", blobs: [batch], replaces: null },
        ...{ revisions: { blob: kept, rows: 1 }, refusedThrough: null },
      },
    }],
  }], { actor: "test", commandId: crypto.randomUUID() });
  equal(await follower.waitFor(position, 20_000), true);
  const manifest = await ask("GET", "/lake/manifest.json");
  equal(manifest.headers.get("etag") === before, false, "what was remembered is made anew");
  const { series } = await manifest.json();
  const { path, sha256 } = series[0].periods[0].revisions;
  const file = await ask("GET", `/lake/${path}`);
  deepEqual([file.status, await file.text()], [200, "superseded"]);
  equal(file.headers.get("etag"), `"${sha256}"`);
  const { data } = await json("GET", "/lake/kraken/AAA-USDT/1m/");
  const folder = new URL(data.folders[0].url).pathname;
  equal(folder, "/lake/kraken/AAA-USDT/1m/revisions/");
  const inside = await json("GET", folder);
  equal(new URL(inside.data.files[0].url).pathname, `/lake/${path}`);
  const other = path.replace("2020-02", "2020-03");
  for (const missing of [other, path.replace("AAA", "BBB"), `${path}/more`]) {
    equal((await json("GET", `/lake/${missing}`)).status, 404, missing);
  }
  equal((await json("GET", "/lake/kraken/BBB-USDT_USDT/1m/revisions")).status, 404);
  await app.close();
});

Deno.test("lake: folders list what lies in them, with addresses that can be followed", async () => {
  const { json, ask } = await openOnce();
  for (
    const [path, names] of [
      ["/lake", ["kraken"]],
      ["/lake/", ["kraken"]],
      ["/lake/kraken/", ["AAA-USDT", "BBB-USDT_USDT"]],
      ["/lake/kraken/AAA-USDT", ["1m"]],
    ] as const
  ) {
    const { data } = await json("GET", path);
    deepEqual(data.folders.map(({ name }: { name: string }) => name), names, path);
    deepEqual(data.files, []);
    for (const { url } of data.folders) {
      match(url, /^http:\/\/localhost\/lake\/.*\/$/);
      equal((await ask("GET", new URL(url).pathname)).status, 200);
    }
  }
  const { data } = await json("GET", "/lake/kraken/AAA-USDT/1m/");
  equal(data.path, "kraken/AAA-USDT/1m/");
  deepEqual(data.files.map(({ name }: { name: string }) => name), [
    "2020-02.parquet",
    "2020-03.parquet",
  ]);
  const head = await ask("HEAD", new URL(data.files[0].url).pathname);
  deepEqual([head.headers.get("content-length"), head.headers.get("etag")], [
    String(data.files[0].bytes),
    `"${data.files[0].sha256}"`,
  ]);
  deepEqual([data.files[0].rows, data.files[0].first_open_time], [30, FEBRUARY]);
});

Deno.test("lake: behind a trusted proxy addresses have the scheme that it names", async () => {
  const url = async (trustProxy: number) => {
    const app = await openApp({ settings: { trustProxy } });
    await fill(app);
    const { data } = await app.json("GET", "/lake", { headers: { "x-forwarded-proto": "https" } });
    await app.close();
    return data.folders[0].url;
  };
  equal(await url(0), "http://localhost/lake/kraken/");
  equal(await url(1), "https://localhost/lake/kraken/");
});

for (
  const path of [
    "/lake/kraken/AAA-USDT/1m/2019-01.parquet",
    "/lake/kraken/AAA-USDT/1m/2020-02",
    "/lake/kraken/AAA-USDT/1m/2020-02.csv",
    "/lake/kraken/CCC-USDT/1m/",
    "/lake/kraken/CCC-USDT/1m/2026-01.parquet",
    "/lake/nobody/",
    "/lake/kraken/AAA-USDT/1m/2020-02.parquet/more",
    "/lake/../blobs/",
    "/lake/%2e%2e/%2e%2e/etc/passwd",
    "/lake/kraken/AAA-USDT/1m/..%2f..%2f..%2f..%2fadmin-token",
    "/lake/kraken/..%2f..%2fblobs/1m/2020-02.parquet",
    "/lake/kraken/AAA-USDT/1m/%00.parquet",
    "/lake/kraken%00/AAA-USDT/1m/2020-02.parquet",
    "/lake/kraken/AAA-USDT/1m/2020-02.parquet%00",
    "/lake/kraken/AAA-USDT/1m/'or 1=1--.parquet",
    "/lake/.tmp/",
  ]
) {
  Deno.test(`lake: ${path} is not found`, async () => {
    const { json } = await openOnce();
    const { status, error } = await json("GET", path);
    deepEqual([status, error.code], [404, "NOT_FOUND"]);
  });
}

Deno.test("lake: only GET and HEAD are allowed", async () => {
  const { json } = await openOnce();
  for (const method of ["POST", "DELETE", "PUT"]) {
    const { status, headers } = await json(method, FILE, { as });
    deepEqual([status, headers.get("allow")], [405, "GET, HEAD"], method);
  }
});

Deno.test("lake: what readers append against caches changes nothing", async () => {
  const { ask } = await openOnce();
  for (const path of [FILE, "/lake/manifest.json", "/lake", "/lake/kraken/AAA-USDT/1m/"]) {
    for (const query of ["x=1", "x=1&x=2", "_=%00"]) {
      const response = await ask("GET", `${path}?${query}`);
      await response.body?.cancel();
      equal(response.status, 200, `${path}?${query}`);
    }
  }
});

Deno.test("lake: who wants one version only is refused another with 412", async () => {
  const { ask } = await openOnce();
  const etag = (await ask("HEAD", FILE)).headers.get("etag") ?? "";
  for (
    const [value, status] of [
      ...[[etag, 200], ["*", 200], [`"x", ${etag}`, 200]] as const,
      ...[['"x"', 412], [`W/${etag}`, 412], ["x", 412]] as const,
    ]
  ) {
    for (const method of ["GET", "HEAD"]) {
      const response = await ask(method, FILE, { headers: { "if-match": value } });
      await response.body?.cancel();
      deepEqual([response.status, response.headers.get("etag")], [status, etag], value);
    }
  }
  const refused = await ask("GET", FILE, { headers: { "if-match": '"x"', range: "bytes=0-3" } });
  deepEqual([refused.status, (await refused.json()).error.code], [412, "PRECONDITION_FAILED"]);
});

Deno.test("lake: private market data need a token that may read, and no cache between keeps them", async () => {
  const app = await openApp({ settings: { marketData: "private" } });
  await fill(app);
  const statuses = async (path: string) => {
    const got: number[] = [];
    for (const who of ["guest", "stranger", "reader", "writer", "admin"] satisfies ActorName[]) {
      const response = await app.ask("GET", path, { as: who });
      await response.body?.cancel();
      got.push(response.status);
    }
    return got.join(" ");
  };
  for (const path of [FILE, "/lake", "/lake/kraken/AAA-USDT/1m", "/lake/manifest.json"]) {
    equal(await statuses(path), "401 401 200 200 200", path);
  }
  const head = await app.ask("HEAD", FILE, { as: "reader" });
  match(head.headers.get("cache-control") ?? "", /^private, /);
  await app.close();
});

Deno.test("lake: counts as market data in the rate limit", async () => {
  const app = await openApp({
    settings: { rateLimits: { auth: 0, lab: 0, write: 0, market: 2 } },
  });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await app.ask("GET", "/lake")).status);
  deepEqual(statuses, [200, 200, 429]);
  await app.close();
});

Deno.test("lake: pages of other origins may ask for ranges", async () => {
  const { ask } = await openOnce();
  const { status, headers } = await ask("OPTIONS", FILE);
  equal(status, 204);
  match(headers.get("access-control-allow-headers") ?? "", /\brange\b.*\bif-none-match\b/);
  equal(headers.get("access-control-allow-origin"), "*");
});
