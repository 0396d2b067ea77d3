import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { catalog } from "@/events/catalog/catalog.ts";
import type { StoredEvent } from "@/events/define.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import { streamEvents } from "@/routes/events_stream.ts";
import { fakeClock, settle } from "@/tests/support/fake_clock.ts";
import { openApp, type TestApp, TOKENS } from "@/tests/support/app.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithEvents();
Deno.test.afterAll(async () => await (await opened)?.close());

async function openWithEvents(): Promise<TestApp> {
  const app = await openApp();
  for (const base of ["AAA", "BBB", "CCC"]) {
    const json = { exchange: "kraken", symbol: `${base}/USDT`, interval: "1m", watch: false };
    await app.json("POST", "/api/v1/series", { as: "admin", json });
  }
  return app;
}

const as = "admin" as const;

Deno.test("GET events: are pages of the log in its order, in snake_case", async () => {
  const { json } = await openOnce();
  const first = await json("GET", "/api/v1/events?limit=2", { as });
  assert.deepEqual(first.data.map((event: { position: number }) => event.position), [1, 2]);
  assert.deepEqual(first.meta.next_after, 2);
  assert.equal(first.meta.head, 3);
  const { at, id, meta, ...event } = first.data[0];
  assert.deepEqual(event, {
    ...{ position: 1, stream: "series-kraken.AAA-USDT.1m", version: 1 },
    ...{ type: "SeriesAdded", schema: 1 },
    data: {
      ...{ series_id: "kraken.AAA-USDT.1m", exchange: "kraken", symbol: "AAA/USDT" },
      ...{ interval: "1m", simulated: false },
    },
  });
  assert.match(at, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(Object.keys(meta), ["actor", "command_id"]);
  const rest = await json("GET", "/api/v1/events?limit=2&after=2", { as });
  assert.deepEqual([rest.data.length, rest.meta.next_after], [1, 3]);
  const end = await json("GET", "/api/v1/events?after=3", { as });
  assert.deepEqual([end.data, end.meta.next_after], [[], 3]);
});

Deno.test("GET events: can be those of some types or of one stream", async () => {
  const { json } = await openOnce();
  const one = await json("GET", "/api/v1/events?stream=series-kraken.BBB-USDT.1m", { as });
  assert.deepEqual(one.data.map((event: { position: number }) => event.position), [2]);
  assert.equal(
    (await json("GET", "/api/v1/events?type=SeriesAdded,KlinesRecorded", { as })).data.length,
    3,
  );
  assert.equal((await json("GET", "/api/v1/events?type=KlinesRecorded", { as })).data.length, 0);
});

Deno.test("GET events: bad parameters are refused by name", async () => {
  const { json } = await openOnce();
  for (
    const [query, field] of [["limit=1001", "limit"], ["after=-1", "after"], ["from=1", "from"]]
  ) {
    const { status, error } = await json("GET", `/api/v1/events?${query}`, { as });
    assert.deepEqual([status, error.field], [422, field]);
  }
});

Deno.test("GET events/stream: goes on after Last-Event-ID, which goes before `after`", async () => {
  const { ask } = await openOnce();
  const headers = { "last-event-id": "1" };
  const response = await ask("GET", "/api/v1/events/stream?after=0", { as, headers });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = readerOf(response.body);
  assert.deepEqual(await reader.positions(2), [2, 3]);
  await reader.cancel();
  const odd = await ask("GET", "/api/v1/events/stream", { as, headers: { "last-event-id": "x" } });
  assert.equal(odd.status, 422);
});

Deno.test("HEAD events/stream: is refused and opens nothing", async () => {
  const { app, house } = await openOnce();
  const before = house.store.subscribe;
  let opened = 0;
  house.store.subscribe = (listener) => {
    opened++;
    return before(listener);
  };
  const headers = { authorization: `Bearer ${TOKENS.admin}` };
  const response = await app.request("/api/v1/events/stream", { method: "HEAD", headers });
  house.store.subscribe = before;
  assert.deepEqual([response.status, response.headers.get("allow"), opened], [405, "GET", 0]);
});

Deno.test("GET events/stream: ends when the service stops", async () => {
  const app = await openApp();
  try {
    const response = await app.ask("GET", "/api/v1/events/stream", { as });
    app.stop();
    const text = await response.text();
    assert.equal(text, "retry: 1000\n\n");
  } finally {
    await app.close();
  }
});

function openStream(query: { after?: number; types?: string[]; stream?: string } = {}) {
  const store = new MemoryEventStore({ catalog });
  const clock = fakeClock(0);
  const stop = new AbortController();
  let ends = 0;
  const { after = 0, types, stream } = query;
  const body = streamEvents({ store, clock, signal: stop.signal, onEnd: () => void ends++ }, {
    ...{ after, types, stream },
  });
  return { store, clock, stop, body, reader: readerOf(body), ends: () => ends };
}

async function append(store: MemoryEventStore, stream: string, ...events: StoredEvent[]) {
  const meta = { actor: "admin", commandId: crypto.randomUUID() };
  await store.append([{ stream, expected: "any", events }], meta);
}

const unwatched = (seriesId: string): StoredEvent => ({
  type: "SeriesUnwatched",
  data: { seriesId },
});
const recovered = (seriesId: string): StoredEvent => ({
  ...{ type: "SeriesCrawlRecovered", data: { seriesId } },
});

Deno.test("event stream: gives what is there, then what comes, each once and in order", async () => {
  const { store, reader } = openStream();
  await append(store, "s-1", unwatched("a"), unwatched("a"));
  assert.deepEqual(await reader.positions(2), [1, 2]);
  const coming = reader.positions(3);
  await append(store, "s-1", unwatched("a"));
  await append(store, "s-2", unwatched("b"), unwatched("b"));
  assert.deepEqual(await coming, [3, 4, 5]);
  await reader.cancel();
});

Deno.test("event stream: a long log comes whole, page by page", async () => {
  const { store, reader } = openStream();
  for (let i = 0; i < 50; i++) {
    await append(store, "s-1", ...Array.from({ length: 20 }, () => unwatched("a")));
  }
  const wanted = Array.from({ length: 1_000 }, (_, i) => i + 1);
  assert.deepEqual(await reader.positions(1_000), wanted);
  await reader.cancel();
});

Deno.test("event stream: filters, and does not read again what did not match", async () => {
  const { store, reader } = openStream({ types: ["SeriesCrawlRecovered"] });
  await append(store, "s-1", unwatched("a"), recovered("a"), unwatched("a"));
  assert.deepEqual(await reader.positions(1), [2]);
  const asked: number[] = [];
  const readAll = store.readAll.bind(store);
  store.readAll = (options) => {
    asked.push(options.after);
    return readAll(options);
  };
  const coming = reader.positions(1);
  await settle();
  await append(store, "s-1", unwatched("a"));
  await settle();
  await append(store, "s-1", recovered("a"));
  assert.deepEqual(await coming, [5]);
  assert.ok(asked.every((after) => after >= 2), asked.join());
  await reader.cancel();
});

Deno.test("event stream: shows that it lives when nothing happens", async () => {
  const { clock, reader } = openStream();
  await reader.text();
  const beat = reader.text();
  await settle();
  assert.deepEqual(clock.sleepers(), [15_000]);
  clock.advance(15_000);
  assert.equal(await beat, ": still here\n\n");
  await reader.cancel();
});

Deno.test("event stream: quiet hours leave nothing behind that still waits", async () => {
  const { clock, reader } = openStream();
  await reader.text();
  async function quiet(beats: number): Promise<number> {
    for (let i = 0; i < beats; i++) {
      const beat = reader.text();
      while (clock.sleepers().length === 0) await settle(1);
      clock.advance(15_000);
      assert.equal(await beat, ": still here\n\n");
    }
    collectGarbage();
    return Deno.memoryUsage().heapUsed;
  }
  const before = await quiet(2_000);
  const grown = await quiet(10_000) - before;
  // A waiter a beat is 31 MB; the heap breathes by one or two.
  assert.ok(grown < 8_000_000, `${grown} bytes are left of 10,000 beats`);
  await reader.cancel();
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

Deno.test("event stream: holds one page for a reader that does not read", async () => {
  const { store, body } = openStream();
  let reads = 0;
  const readAll = store.readAll.bind(store);
  store.readAll = (options) => {
    reads++;
    return readAll(options);
  };
  for (let i = 0; i < 20; i++) {
    await append(store, "s-1", ...Array.from({ length: 100 }, () => unwatched("a")));
  }
  await settle(200);
  assert.ok(reads <= 1, `${reads} pages were read for nobody`);
  await body.cancel();
});

Deno.test("event stream: whoever ends it, it leaves nothing behind and says so once", async () => {
  for (const how of ["reader", "service"] as const) {
    const { store, clock, stop, reader, ends } = openStream();
    await reader.text();
    const next = reader.text();
    await settle();
    if (how === "service") stop.abort();
    else await reader.cancel();
    assert.equal(await next, "");
    await settle();
    assert.deepEqual([ends(), clock.sleepers()], [1, []], how);
    await append(store, "s-1", unwatched("a"));
    stop.abort();
    assert.equal(ends(), 1);
  }
});

function readerOf(body: ReadableStream<Uint8Array> | null) {
  let opened: ReadableStreamDefaultReader<string> | undefined;
  // Opened at first use: to open one is to begin to read.
  const open = () => opened ??= body?.pipeThrough(new TextDecoderStream()).getReader();
  return {
    /** The next piece; empty at the end. */
    text: async () => (await open()?.read())?.value ?? "",
    async positions(count: number): Promise<number[]> {
      const found: number[] = [];
      while (found.length < count) {
        const piece = await open()?.read();
        if (piece === undefined || piece.done) break;
        for (const [, id] of piece.value.matchAll(/^id: (\d+)\ndata: \{.*\}$/gm)) {
          found.push(Number(id));
        }
      }
      return found;
    },
    cancel: () => open()?.cancel(),
  };
}

for (const path of ["/api/v1/events", "/api/v1/events/stream"]) {
  Deno.test(`GET ${path}: a type that names none is 422`, async () => {
    const { json } = await openOnce();
    for (const type of [",", "%20,%20,"]) {
      const { status, error } = await json("GET", `${path}?type=${type}`, { as: "admin" });
      assert.deepEqual([status, error.field], [422, "type"]);
    }
  });
}
