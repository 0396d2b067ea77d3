import assert from "node:assert/strict";
import { OpenAPIHono } from "@hono/zod-openapi";
import { catalog } from "@/events/catalog/catalog.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppEnv } from "@/routes/envelope.ts";
import { addHealthRoutes } from "@/routes/health.ts";
import { fakeClock, settle } from "@/tests/support/fake_clock.ts";

const GB = 1024 ** 3;

const CRAWLED: SeriesView = {
  ...{ id: "kraken.AAA-USDT.1m", exchange: "kraken", symbol: "AAA/USDT", interval: "1m" },
  ...{ watched: true, simulated: false, source: null, firstOpenTime: null, lastOpenTime: null },
  ...{ candles: 0, hotRows: 0, coldMonths: 0, coveragePct: null, gaps: 0, historyStart: null },
  ...{ lastCrawledAt: new Date(60_000), lastError: null },
};

/** The health routes over a service of which each part can be made to fail. */
function openHealth({ head, free = 9 * GB, ready = true, damaged = [], ...more }: {
  head?: () => Promise<number>;
  free?: number | (() => Promise<number>);
  ready?: boolean;
  signal?: AbortSignal;
  damaged?: readonly string[];
} = {}) {
  const app = new OpenAPIHono<AppEnv>();
  const clock = fakeClock(0);
  const store = new MemoryEventStore({ catalog });
  if (head !== undefined) store.head = head;
  addHealthRoutes({ app, guard: () => {} }, {
    ...{ store, clock, signal: more.signal ?? new AbortController().signal },
    freeBytes: typeof free === "number" ? () => Promise.resolve(free) : free,
    projections: {
      ...{ ready: () => ready, revision: () => 0, onApplied: () => {} },
      ...{ waitFor: () => Promise.resolve(true), status: () => Promise.resolve([]) },
    },
    archive: {
      damaged: () =>
        Promise.resolve(damaged.map((period) => ({
          ...{ seriesId: CRAWLED.id, period, message: "its file is missing" },
          foundAt: new Date(0),
        }))),
    },
    directory: { list: () => Promise.resolve([{ ...CRAWLED, lastCrawledAt: null }, CRAWLED]) },
    settings: {
      ...{ marketData: "open", trustProxy: 0, simulated: true, version: "1.2.3" },
      ...{ rateLimits: { auth: 0, lab: 0, write: 0, market: 0 }, fingerprintKey: "" },
      ...{ openCandle: true, metrics: "admin", timeZone: "Asia/Shanghai" },
    },
  });
  return {
    clock,
    async ask(path: string) {
      const response = await app.request(path);
      return { status: response.status, ...await response.json() };
    },
  };
}

Deno.test("health: live while the process answers, whatever else is down", async () => {
  const { ask } = openHealth({ head: () => Promise.reject(new Error("down")), ready: false });
  const { status, data } = await ask("/health/live");
  assert.deepEqual([status, data], [200, { status: "live", version: "1.2.3", simulated: true }]);
});

Deno.test("health: ready says when it crawled last, and that candles are made up", async () => {
  const { status, data } = await openHealth().ask("/health/ready");
  assert.equal(status, 200);
  const { last_crawled_at, simulated, checks } = data;
  assert.deepEqual([data.status, last_crawled_at, simulated], [
    "ready",
    "1970-01-01T00:01:00.000Z",
    true,
  ]);
  const ok = { ok: true };
  assert.deepEqual(checks, { database: ok, projections: ok, disk: ok, process: ok });
});

Deno.test("health: a damaged file makes it degraded, which keeps nobody from the rest", async () => {
  const { status, data } = await openHealth({ damaged: ["2020-08", "2020-09"] }).ask(
    "/health/ready",
  );
  assert.deepEqual([status, data.status, data.damaged_files], [200, "degraded", 2]);
  assert.equal((await openHealth().ask("/health/ready")).data.damaged_files, 0);
});

const BROKEN: readonly [
  what: string,
  parts: Parameters<typeof openHealth>[0],
  field: string,
  message: string,
][] = [
  [
    "the database fails",
    { head: () => Promise.reject(new Error("password")) },
    "database",
    "does not answer",
  ],
  ["read models catch up", { ready: false }, "projections", "catching up"],
  ["the disk is nearly full", { free: 0.4 * GB }, "disk", "less than 512 MB free"],
  [
    "the disk cannot be asked",
    { free: () => Promise.reject(new Error("x")) },
    "disk",
    "does not answer",
  ],
  ["the service stops", { signal: AbortSignal.abort() }, "process", "stopping"],
];

for (const [what, parts, field, message] of BROKEN) {
  Deno.test(`health: not ready while ${what}, and says which part`, async () => {
    const { status, error } = await openHealth(parts).ask("/health/ready");
    assert.deepEqual([status, error.code, error.details], [503, "UNAVAILABLE", [{
      field,
      message,
    }]]);
  });
}

Deno.test("health: ready asks its parts once a second at most, however often it is asked", async () => {
  let [heads, frees] = [0, 0];
  const { ask, clock } = openHealth({
    head: () => Promise.resolve(++heads),
    free: () => Promise.resolve(9 * GB + ++frees),
  });
  const all = await Promise.all(Array.from({ length: 20 }, () => ask("/health/ready")));
  assert.ok(all.every(({ status }) => status === 200));
  clock.advance(999);
  await ask("/health/ready");
  assert.deepEqual([heads, frees], [1, 1]);
  clock.advance(1);
  await ask("/health/ready");
  assert.deepEqual([heads, frees], [2, 2]);
});

Deno.test("health: a service that stops is not ready at once, and one that has recovered a second later", async () => {
  const stop = new AbortController();
  let down = true;
  const { ask, clock } = openHealth({
    head: () => down ? Promise.reject(new Error("down")) : Promise.resolve(1),
    signal: stop.signal,
  });
  assert.equal((await ask("/health/ready")).status, 503);
  down = false;
  clock.advance(1_000);
  assert.equal((await ask("/health/ready")).status, 200);
  stop.abort();
  assert.equal((await ask("/health/ready")).error.details[0].field, "process");
});

Deno.test("health: a part that says nothing does not keep the answer waiting for ever", async () => {
  const { ask, clock } = openHealth({ head: () => new Promise(() => {}) });
  const asked = ask("/health/ready");
  await settle();
  clock.advance(2_000);
  const { status, error } = await asked;
  assert.deepEqual([status, error.details[0].field], [503, "database"]);
  assert.deepEqual(clock.sleepers(), []);
});
