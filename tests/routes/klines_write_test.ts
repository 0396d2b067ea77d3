import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type AskOptions, openApp, type TestApp } from "@/tests/support/app.ts";
import { utc } from "@/tests/support/candles.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = utc("2024-01-01");
const MINUTE = 60_000;
const COLUMNS = ["open_time", "open", "high", "low", "close", "volume"];

let made = 0;

/** A fresh series; all tests share one installation. */
async function newSeries({ json }: TestApp): Promise<string> {
  const symbol = `T${++made}/USDT`;
  const body = { exchange: "kraken", symbol, interval: "1m", watch: false };
  const { data } = await json("POST", "/api/v1/series", { as: "admin", json: body });
  return data.id;
}

function row(minute: number, close = "1.5"): (number | string)[] {
  return [START + minute * MINUTE, "1", "2", "0.5", close, "3"];
}

function csv(rows: readonly (readonly (number | string)[])[]): string {
  return rows.map((values) => values.join(",")).join("\n") + "\n";
}

function post(app: TestApp, id: string, options: AskOptions, query = "") {
  return app.json("POST", `/api/v1/series/${id}/klines${query}`, { as: "admin", ...options });
}

const asCsv = (body: BodyInit, more: Record<string, string> = {}): AskOptions => ({
  ...{ body, headers: { "content-type": "text/csv", ...more } },
});

async function closesOf({ json }: TestApp, id: string): Promise<unknown[]> {
  const [exchange, symbol] = id.split(".");
  const query = `exchange=${exchange}&symbol=${symbol?.replace("-", "/")}&interval=1m&start=0`;
  const { data } = await json("GET", `/api/v1/klines?${query}`);
  return data.map((values: unknown[]) => values[4]);
}

Deno.test("POST klines: JSON rows are counted, kept, and read back at once", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  const json = { columns: COLUMNS, rows: [row(0), row(1), row(2, "1.7")] };
  const { status, data, meta } = await post(app, id, { json });
  assert.equal(status, 200);
  assert.deepEqual(data, {
    ...{ ingested: 3, revised: 0, unchanged: 0, held_better: 0 },
    ...{ rejected_total: 0, rejected: [], position: data.position },
  });
  assert.equal(meta.position, data.position);
  assert.deepEqual(await closesOf(app, id), [1.5, 1.5, 1.7]);
  const series = (await app.json("GET", `/api/v1/series/${id}`)).data;
  assert.deepEqual([series.candles, series.source], [3, "api"]);
});

Deno.test("POST klines: csv, with and without a header, gzipped or not, mean the same", async () => {
  const app = await openOnce();
  const rows = [row(0), row(1)];
  const header = `${COLUMNS.join(",")}\n`;
  const packed = { "content-encoding": "gzip" };
  const bodies = [
    asCsv(csv(rows)),
    asCsv(header + csv(rows)),
    asCsv(new Uint8Array(gzipSync(header + csv(rows))), packed),
  ];
  for (const options of bodies) {
    const id = await newSeries(app);
    assert.equal((await post(app, id, options)).data.ingested, 2);
    assert.deepEqual(await closesOf(app, id), [1.5, 1.5]);
  }
});

Deno.test("POST klines: a parquet file that we gave can be given back", async () => {
  const app = await openOnce();
  const [from, to] = [await newSeries(app), await newSeries(app)];
  await post(app, from, asCsv(csv([row(0, "1.23456789"), row(1)])));
  const symbol = from.split(".")[1]?.replace("-", "/");
  const file = await app.ask("GET", `/api/v1/klines?symbol=${symbol}&interval=1m&format=parquet`);
  const headers = { "content-type": "application/vnd.apache.parquet" };
  const { data } = await post(app, to, { body: await file.arrayBuffer(), headers });
  assert.equal(data.ingested, 2);
  assert.deepEqual(await closesOf(app, to), [1.23456789, 1.5]);
});

Deno.test("POST klines: the same again is unchanged, other values are revised", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  await post(app, id, asCsv(csv([row(0), row(1)])));
  const { data } = await post(app, id, asCsv(csv([row(0), row(1, "1.9"), row(2)])));
  assert.deepEqual([data.ingested, data.revised, data.unchanged], [1, 1, 1]);
  assert.deepEqual(await closesOf(app, id), [1.5, 1.9, 1.5]);
});

Deno.test("POST klines: what came from a better source is kept, unless told to overwrite", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  await post(app, id, asCsv(csv([row(0)])), "?source=import");
  const lower = await post(app, id, asCsv(csv([row(0, "1.9")])));
  assert.deepEqual([lower.data.revised, lower.data.held_better], [0, 1]);
  assert.deepEqual(await closesOf(app, id), [1.5]);
  const forced = await post(app, id, asCsv(csv([row(0, "1.9")])), "?overwrite=true");
  assert.deepEqual([forced.data.revised, forced.data.held_better], [1, 0]);
  assert.deepEqual(await closesOf(app, id), [1.9]);
});

Deno.test("POST klines: bad rows are named with their reason, good ones are kept", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  const later = [START + 36_500 * 86_400_000, "1", "2", "0.5", "1.5", "3"];
  // The minute that runs now may have closed when it is judged.
  const soon = [(Math.floor(Date.now() / MINUTE) + 10) * MINUTE, "1", "2", "0.5", "1.5", "3"];
  const rows = [row(0), ["x", ...row(1).slice(1)], row(2, "nan"), row(3, "9"), later, soon];
  const twice = [...rows, row(0, "1.6"), [...row(4).slice(0, 5), "-1"]];
  const { status, data } = await post(app, id, asCsv(csv(twice)));
  assert.equal(status, 200);
  assert.equal(data.ingested, 1);
  assert.equal(data.rejected_total, 7);
  assert.deepEqual(
    data.rejected.toSorted((a: { row: number }, b: { row: number }) => a.row - b.row),
    [
      ...[{ row: 1, reason: "duplicate_in_batch" }, { row: 2, reason: "bad_time" }],
      ...[{ row: 3, reason: "bad_number" }, { row: 4, reason: "ohlc_violation" }],
      ...[{ row: 5, reason: "bad_time" }, { row: 6, reason: "not_closed" }],
      ...[{ row: 8, reason: "negative_volume" }],
    ],
  );
  assert.deepEqual(await closesOf(app, id), [1.6]);
});

Deno.test("POST klines: of many bad rows the first hundred are listed and all are counted", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  const rows = Array.from({ length: 300 }, (_, i) => row(i, "9"));
  const { data } = await post(app, id, asCsv(csv(rows)));
  assert.deepEqual([data.ingested, data.rejected_total, data.rejected.length], [0, 300, 100]);
});

Deno.test("POST klines: with a key counts once, and never swallows another body under it", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  const key = { "idempotency-key": "batch-1" };
  const first = await post(app, id, asCsv(csv([row(0)]), key));
  const again = await post(app, id, asCsv(csv([row(0)]), key));
  assert.deepEqual(again.data, first.data);
  const other = await post(app, id, asCsv(csv([row(1)]), key));
  assert.deepEqual([other.status, other.error.field], [422, "Idempotency-Key"]);
  assert.deepEqual(await closesOf(app, id), [1.5]);
});

/** So many MB of zeros, packed one by one. */
function bomb(megabytes: number): Blob {
  const member = new Uint8Array(gzipSync(new Uint8Array(1024 * 1024)));
  return new Blob(new Array(megabytes).fill(member));
}

const BAD: readonly [what: string, AskOptions, status: number, code: string][] = [
  ["no type", { body: new Blob([csv([row(0)])]) }, 415, "UNSUPPORTED_MEDIA_TYPE"],
  [
    "a type it does not read",
    { body: "x", headers: { "content-type": "text/plain" } },
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
  [
    "an encoding it does not know",
    asCsv("x", { "content-encoding": "br" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
  ["a body that is no gzip", asCsv("x", { "content-encoding": "gzip" }), 422, "VALIDATION_ERROR"],
  [
    "a declared size above 64 MB",
    asCsv("x", { "content-length": "67108865" }),
    413,
    "PAYLOAD_TOO_LARGE",
  ],
  [
    "a gzip bomb",
    asCsv(bomb(513), {
      "content-encoding": "gzip",
    }),
    413,
    "PAYLOAD_TOO_LARGE",
  ],
  [
    "what is no parquet",
    { body: "x", headers: { "content-type": "application/vnd.apache.parquet" } },
    422,
    "VALIDATION_ERROR",
  ],
  ["JSON without rows", { json: { columns: COLUMNS } }, 422, "VALIDATION_ERROR"],
  [
    "broken JSON",
    { body: '{"rows":[[1', headers: { "content-type": "application/json" } },
    400,
    "MALFORMED_JSON",
  ],
];

for (const [what, options, status, code] of BAD) {
  Deno.test(`POST klines: refuses ${what} with ${status}, and records nothing`, async () => {
    const app = await openOnce();
    const id = await newSeries(app);
    const head = await app.house.store.head();
    const answer = await post(app, id, options);
    assert.deepEqual([answer.status, answer.error?.code], [status, code], answer.error?.message);
    assert.equal(await app.house.store.head(), head);
  });
}

Deno.test("POST klines: an unknown series is 404, an unknown parameter 422", async () => {
  const app = await openOnce();
  assert.equal((await post(app, "kraken.NO-USDT.1m", asCsv(csv([row(0)])))).status, 404);
  const id = await newSeries(app);
  const odd = await post(app, id, asCsv(csv([row(0)])), "?source=exchange");
  assert.deepEqual([odd.status, odd.error.field], [422, "source"]);
});

Deno.test("DELETE klines: takes a range away by an event, once however often it is asked", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  await post(app, id, asCsv(csv([0, 1, 2, 3].map((i) => row(i, `1.${i + 1}`)))));
  const path = `/api/v1/series/${id}/klines?start=${START + MINUTE}&end=${START + 3 * MINUTE}`;
  const { status, data } = await app.json("DELETE", `${path}&reason=broken+feed`, { as: "writer" });
  assert.deepEqual([status, data.removed], [200, 2]);
  assert.deepEqual(await closesOf(app, id), [1.1, 1.4]);
  const { events } = await app.house.store.readStream(`klines-${id}-2024-01`);
  const last = events.at(-1);
  assert.deepEqual([last?.type, last?.data.reason, last?.meta.actor], [
    ...["KlinesDeleted", "broken feed", "key:writer"],
  ]);
  const again = await app.json("DELETE", `${path}&reason=again`, { as: "admin" });
  assert.equal(again.data.removed, 0);
});

Deno.test("DELETE klines: wants a whole range and a reason", async () => {
  const app = await openOnce();
  const id = await newSeries(app);
  for (
    const [query, field] of [
      ["end=1&reason=x", "start"],
      ["start=0&end=1", "reason"],
      [
        "start=2&end=1&reason=x",
        "end",
      ],
      ["start=-100000000000000&end=1&reason=x&keep_out=true", "start"],
      [
        "start=2024-01-01&end=9999-12-31T23:59:59-01:00&reason=x&keep_out=true",
        "end",
      ],
    ]
  ) {
    const { status, error } = await app.json("DELETE", `/api/v1/series/${id}/klines?${query}`, {
      as: "admin",
    });
    assert.deepEqual([status, error.field], [422, field]);
  }
});
