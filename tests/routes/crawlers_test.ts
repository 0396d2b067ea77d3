import { deepEqual, equal, match } from "node:assert/strict";
import type { Breaker } from "@/domain/crawlers/breaker.ts";
import { trusted } from "@/events/trust.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { started } from "@/tests/support/crawler_runs.ts";
import { crawlerTables, infoOf, recordOf, runOf } from "@/tests/support/crawler_tables.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const NOW = Date.parse("2026-03-01T10:00:00Z");
const MINUTE = 60_000;
const as = "admin" as const;

const tables = crawlerTables({
  infos: [
    infoOf("openvlab", { schedule: "*/30 9-15 * * *" }),
    ...[infoOf("sina"), infoOf("founderfu"), infoOf("hzzhqx"), infoOf("jiaoyikecha")],
    infoOf("rongda", { missing: ["SOURCE_RONGDA_COOKIE"] }),
    infoOf("klines", { venue: "binance" }),
    // Tests that start runs have one each.
    ...[infoOf("archive"), infoOf("backup"), infoOf("gaps")],
  ],
  nextRuns: new Map([["openvlab", NOW + MINUTE], ["rongda", NOW + 1], ["sina", NOW + 2]]),
  records: [
    recordOf("openvlab", {
      ...{ lastRunAt: NOW - MINUTE, lastSuccessAt: NOW - 50_000, lastStatus: "succeeded" },
      ...{ successRate24h: 0.975, successRate7d: 1, meanDurationMs: 1_234.5 },
    }),
    recordOf("founderfu", {
      ...{ lastFailureAt: NOW - 5, lastStatus: "timed_out", successRate24h: 0 },
      lastError: { errorClass: "Timeout", errorMessage: "<b>too slow</b>" },
    }),
    recordOf("hzzhqx", { lastStatus: "failed" }),
    recordOf("jiaoyikecha", { lastStatus: "crashed" }),
    recordOf("gone", { lastStatus: "failed" }),
  ],
  paused: new Map([["hzzhqx", { reason: "moving house", since: NOW - 7 }]]),
  breakers: new Map<string, Breaker>([
    ["binance", { status: "open", until: NOW + 1 }],
    ["founderfu", { status: "open", until: NOW }],
    ["jiaoyikecha", { status: "half_open", probe: "run-9", until: NOW + MINUTE }],
  ]),
});

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithStore();
Deno.test.afterAll(async () => await (await opened)?.close());

/** Runs that start are in the log, as the supervisor has them. */
async function openWithStore(): Promise<TestApp> {
  const app = await openApp({ tables, clock: fakeClock(NOW) });
  tables.onRun = async (runId, source) => {
    const events = [started({ runId, source, at: NOW })];
    const stream = `crawler_run-${runId}`;
    await app.house.store.append([{ stream, expected: "none", events }], {
      ...{ actor: "test", commandId: crypto.randomUUID() },
    });
  };
  return app;
}

async function rows(): Promise<Readonly<Record<string, Readonly<Record<string, unknown>>>>> {
  const { json } = await openOnce();
  const { data } = await json("GET", "/admin/crawler/health", { as });
  return Object.fromEntries(data.map((row: { source: string }) => [row.source, row]));
}

Deno.test("GET health: has a row of each crawler in their order, also of those that never ran", async () => {
  const { json } = await openOnce();
  const { data } = await json("GET", "/admin/crawler/health", { as });
  const names = data.map(({ source }: { source: string }) => source);
  deepEqual(names, tables.infos.map(({ name }) => name));
});

Deno.test("GET health: tells all that is known, with times in ISO 8601", async () => {
  deepEqual((await rows()).openvlab, {
    ...{ source: "openvlab", state: "ok", breaker: "closed" },
    ...{ last_success_at: "2026-03-01T09:59:10.000Z", last_failure_at: null },
    ...{ success_rate_24h: 0.975, success_rate_7d: 1, mean_duration_ms: 1_234.5 },
    next_run_at: "2026-03-01T10:01:00.000Z",
    ...{ venue: "openvlab", schedule: "*/30 9-15 * * *", time_zone: "Asia/Shanghai" },
    ...{ missing: [], breaker_until: null },
    ...{ last_run_at: "2026-03-01T09:59:00.000Z", last_error: null, paused_reason: null },
    ...{ paused_at: null, running: null },
  });
});

Deno.test("GET health: of one that never ran, everything unknown is null", async () => {
  const { source, state, breaker, venue, schedule, time_zone, missing, next_run_at, ...rest } =
    (await rows()).sina ?? {};
  deepEqual([source, state, breaker, venue], ["sina", "ok", "closed", "sina"]);
  deepEqual([schedule, time_zone, missing], ["0 18 * * *", "Asia/Shanghai", []]);
  equal(next_run_at, "2026-03-01T10:00:00.002Z");
  deepEqual([...new Set(Object.values(rest))], [null]);
});

Deno.test("GET health: failing is a last run that failed, timed out or crashed; a pause hides it", async () => {
  const found = await rows();
  const states = Object.entries(found).map(([name, { state }]) => [name, state]);
  deepEqual(Object.fromEntries(states), {
    ...{ openvlab: "ok", sina: "ok", founderfu: "failing", hzzhqx: "paused" },
    ...{ jiaoyikecha: "failing", rongda: "not_configured", klines: "ok" },
    ...{ archive: "ok", backup: "ok", gaps: "ok" },
  });
  deepEqual(found.founderfu?.last_error, {
    ...{ error_class: "Timeout", error_message: "<b>too slow</b>" },
  });
  const { paused_reason, paused_at } = found.hzzhqx ?? {};
  deepEqual([paused_reason, paused_at], ["moving house", "2026-03-01T09:59:59.993Z"]);
});

Deno.test("GET health: one that cannot start has no next run, and names what is missing", async () => {
  const { missing, next_run_at } = (await rows()).rongda ?? {};
  deepEqual([missing, next_run_at], [["SOURCE_RONGDA_COOKIE"], null]);
});

Deno.test("GET health: a breaker is open until its time is over, then half open", async () => {
  const found = await rows();
  const breakers = ["klines", "founderfu", "jiaoyikecha"].map((name) => found[name]?.breaker);
  deepEqual(breakers, ["open", "half_open", "half_open"]);
  equal(found.klines?.breaker_until, "2026-03-01T10:00:00.001Z");
});

Deno.test("GET health: shows the breaker of each venue in meta, exchanges of candle crawls among them", async () => {
  const app = await openApp({
    ...{ tables, clock: fakeClock(NOW) },
    exchangeStandings: () => [
      {
        ...{ exchange: "okx", failures: 3, lastError: "Cannot ask okx: HTTP 503" },
        breaker: { status: "open", until: NOW + MINUTE },
      },
    ],
  });
  try {
    const { meta } = await app.json("GET", "/admin/crawler/health", { as });
    const rows = trusted<{ readonly venue: string }[]>(meta.venues);
    const venues = new Map(rows.map((one) => [one.venue, one]));
    deepEqual(venues.get("okx"), {
      ...{ venue: "okx", breaker: "open", open_until: "2026-03-01T10:01:00.000Z" },
      last_error: "Cannot ask okx: HTTP 503",
    });
    deepEqual(venues.get("founderfu"), {
      ...{ venue: "founderfu", breaker: "half_open", open_until: "2026-03-01T10:00:00.000Z" },
      last_error: null,
    });
    const page = await (await app.ask("GET", "/admin/crawlers", { as })).text();
    match(page, /<td>okx<\/td>\s*<td><span class="state open">open<\/span><\/td>/);
    match(page, /Cannot ask okx: HTTP 503/);
  } finally {
    await app.close();
  }
});

Deno.test("POST run: starts one and answers its id; while it runs, another is 409 and names it", async () => {
  const { json } = await openOnce();
  const first = await json("POST", "/admin/crawler/archive/run", { as });
  equal(first.status, 202);
  const { run_id } = first.data;
  const { what, name, actor, commandId } = tables.done.at(-1) ?? {};
  deepEqual([what, name, actor, commandId], ["run", "archive", "admin", run_id]);
  equal((await rows()).archive?.running, run_id);
  const second = await json("POST", "/admin/crawler/archive/run", { as });
  deepEqual([second.status, second.error.code], [409, "CONFLICT"]);
  deepEqual(second.error.details, [{ field: "run_id", message: run_id }]);
});

Deno.test("POST run: the same key again answers the same run, while it runs and after it", async () => {
  const { json } = await openOnce();
  const headers = { "idempotency-key": "run-once" };
  const start = () => json("POST", "/admin/crawler/backup/run", { as, headers });
  const before = tables.done.length;
  const [first, twin] = await Promise.all([start(), start()]);
  deepEqual([first.status, twin.status], [202, 202]);
  equal(twin.data.run_id, first.data.run_id);
  equal((await start()).data.run_id, first.data.run_id);
  const at = tables.runs.findIndex(({ runId }) => runId === first.data.run_id);
  tables.runs.splice(at, 1, runOf({ ...tables.runs[at], status: "succeeded" }));
  const later = await start();
  deepEqual([later.status, later.data.run_id], [202, first.data.run_id]);
  equal(tables.done.length, before + 1);
  equal((await json("POST", "/admin/crawler/backup/run", { as })).status, 202);
});

Deno.test("POST run: a key that was refused may be used again", async () => {
  const { json } = await openOnce();
  tables.runs.unshift(runOf({ runId: "busy", source: "gaps" }));
  const headers = { "idempotency-key": "refused-once" };
  const start = () => json("POST", "/admin/crawler/gaps/run", { as, headers });
  equal((await start()).status, 409);
  tables.runs.splice(tables.runs.findIndex(({ runId }) => runId === "busy"), 1);
  equal((await start()).status, 202);
});

Deno.test("POST run: without its settings it is 503, and says which are missing", async () => {
  const { json } = await openOnce();
  const { status, error, headers } = await json("POST", "/admin/crawler/rongda/run", { as });
  deepEqual([status, error.code], [503, "UNAVAILABLE"]);
  match(error.message, /SOURCE_RONGDA_COOKIE/);
  equal(headers.get("retry-after"), "5");
});

Deno.test("POST pause, resume: answer the crawler as it is then, and tell who did it and why", async () => {
  const { json } = await openOnce();
  const pause = (json_: unknown) =>
    json("POST", "/admin/crawler/klines/pause", { as, json: json_ });
  const paused = await pause({ reason: "the venue moves" });
  const { state, paused_reason } = paused.data;
  deepEqual([paused.status, state, paused_reason], [200, "paused", "the venue moves"]);
  equal(typeof paused.meta.position, "number");
  const { what, actor, reason } = tables.done.at(-1) ?? {};
  deepEqual([what, actor, reason], ["pause", "admin", "the venue moves"]);
  const resumed = await json("POST", "/admin/crawler/klines/resume", { as });
  deepEqual([resumed.status, resumed.data.source, resumed.data.state], [200, "klines", "ok"]);
});

for (
  const [title, options] of [
    ["no body", {}],
    ["an empty body of JSON", { body: "", headers: { "content-type": "application/json" } }],
    ["an empty object", { json: {} }],
    ["no reason", { json: { reason: null } }],
  ] as const
) {
  Deno.test(`POST pause: takes ${title}`, async () => {
    const { json } = await openOnce();
    const { status, data } = await json("POST", "/admin/crawler/klines/pause", { as, ...options });
    deepEqual([status, data.paused_reason], [200, ""]);
    await json("POST", "/admin/crawler/klines/resume", { as });
  });
}

const WRONG_BODIES = [
  ["a body that is not JSON", { body: "{", headers: { "content-type": "application/json" } }, 400],
  ["a body of another type", { body: "why", headers: { "content-type": "text/plain" } }, 415],
  ["an unknown field", { json: { why: "x" } }, 422],
] as const;

for (
  const [title, options, status] of [
    ...WRONG_BODIES,
    ["a reason that is too long", { json: { reason: "x".repeat(501) } }, 422],
  ] as const
) {
  Deno.test(`POST pause: ${title} is ${status}, and nothing is paused`, async () => {
    const { json } = await openOnce();
    const answer = await json("POST", "/admin/crawler/klines/pause", { as, ...options });
    deepEqual([answer.status, tables.paused.has("klines")], [status, false]);
  });
}

for (const [title, options, status] of WRONG_BODIES) {
  for (const action of ["run", "resume"]) {
    Deno.test(`POST ${action}: ${title} is ${status}, and nothing is done`, async () => {
      const { json } = await openOnce();
      const before = tables.done.length;
      const answer = await json("POST", `/admin/crawler/founderfu/${action}`, { as, ...options });
      deepEqual([answer.status, tables.done.length], [status, before]);
    });
  }
}

Deno.test("POST run, resume: the same key without a body, or with an empty one of any kind, is the same", async () => {
  const { json } = await openOnce();
  const form = { "content-type": "application/x-www-form-urlencoded", "content-length": "0" };
  for (const [action, expected] of [["run", 202], ["resume", 200]] as const) {
    const send = (options: { json?: unknown; headers?: Record<string, string> }) =>
      json("POST", `/admin/crawler/founderfu/${action}`, {
        ...{ as, ...options, headers: { ...options.headers, "idempotency-key": "no-body" } },
      });
    const answers = [await send({}), await send({ json: {} }), await send({ headers: form })];
    deepEqual(answers.map(({ status }) => status), [expected, expected, expected]);
    equal((await send({ json: { why: "x" } })).status, 422);
  }
});

Deno.test("POST pause: the same key with another reason is refused", async () => {
  const { json } = await openOnce();
  const headers = { "idempotency-key": "pause-once" };
  const pause = (reason: string) =>
    json("POST", "/admin/crawler/klines/pause", { as, headers, json: { reason } });
  deepEqual([(await pause("a")).status, (await pause("a")).status], [200, 200]);
  const other = await pause("b");
  deepEqual([other.status, other.error.field], [422, "Idempotency-Key"]);
  await json("POST", "/admin/crawler/klines/resume", { as });
});

for (const action of ["run", "pause", "resume"]) {
  Deno.test(`POST ${action}: of an unknown crawler it is 404 with near names`, async () => {
    const { json } = await openOnce();
    const { status, error } = await json("POST", `/admin/crawler/openvlabs/${action}`, { as });
    deepEqual([status, error.details], [
      404,
      [{ field: "name", message: "openvlab is a crawler" }],
    ]);
  });
}

Deno.test("crawler routes: only an operator may see and act", async () => {
  const { json } = await openOnce();
  const before = tables.done.length;
  const calls = [
    ...[["GET", "health"], ["GET", "logs"], ["GET", "alerts"], ["GET", "runs/x"]] as const,
    ...[["GET", "runs/x/response"], ["POST", "sina/run"], ["POST", "sina/pause"]] as const,
    ["POST", "sina/resume"] as const,
  ];
  for (const actor of ["guest", "stranger", "reader", "writer"] as const) {
    const expected = actor === "guest" || actor === "stranger" ? 401 : 403;
    for (const [method, path] of calls) {
      const { status } = await json(method, `/admin/crawler/${path}`, { as: actor });
      equal(status, expected, `${actor} ${path}`);
    }
  }
  equal(tables.done.length, before);
});
