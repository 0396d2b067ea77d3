import { deepEqual, equal, match } from "node:assert/strict";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { attemptOf, crawlerTables, runOf } from "@/tests/support/crawler_tables.ts";

const as = "admin" as const;
const AT = Date.parse("2026-03-01T10:00:00Z");
const HOUR = 3_600_000;
/** Foreign, and not even text. */
const ANSWER = new TextEncoder().encode("<script>alert(1)</script>\0\xff");

const tables = crawlerTables();

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openFilled();
Deno.test.afterAll(async () => await (await opened)?.close());

async function openFilled(): Promise<TestApp> {
  const app = await openApp({ tables });
  const response = await app.house.blobs.put(ANSWER);
  tables.runs.push(
    runOf({
      ...{ runId: "good", source: "sina", status: "succeeded", trigger: "schedule" },
      ...{ startedAt: AT, finishedAt: AT + 1_500, scheduledFor: AT - 5, rows: 12, bytes: 3_000 },
      attempts: [attemptOf({ status: "succeeded", ...NO_FAILURE })],
    }),
    runOf({
      ...{ runId: "bad/é?", status: "failed", trigger: "after_crash", retryOf: "lost", crashes: 2 },
      ...{ startedAt: AT - HOUR, finishedAt: AT - HOUR + 60_000, errorClass: "SchemaChanged" },
      ...{ errorMessage: "atm_iv is text now", httpStatus: 200 },
      attempts: [
        attemptOf({ startedAt: AT - HOUR, finishedAt: AT - HOUR + 1, retryAt: AT, response }),
        attemptOf({ attempt: 2, status: "timed_out", errorClass: "Timeout", httpStatus: null }),
        attemptOf({ attempt: 3, errorClass: "SchemaChanged", response }),
      ],
    }),
    runOf({
      ...{ runId: "skip", status: "skipped", startedAt: AT - 2 * HOUR },
      ...{ finishedAt: AT - 2 * HOUR, errorClass: "Skipped", errorMessage: "paused" },
    }),
    ...Array.from({ length: 25 }, (_, i) =>
      runOf({
        ...{ runId: `old-${i}`, source: "klines", status: "succeeded" },
        ...{ startedAt: AT - (10 + i) * HOUR, finishedAt: AT - (10 + i) * HOUR + 1 },
      })),
    runOf({ runId: "now", source: "archive", startedAt: AT + 1 }),
  );
  return app;
}

const NO_FAILURE = { errorClass: null, errorMessage: null, httpStatus: null } as const;

async function ids(query: string): Promise<string[]> {
  const { json } = await openOnce();
  const { data } = await json("GET", `/admin/crawler/logs?size=100&${query}`, { as });
  return data.map(({ run_id }: { run_id: string }) => run_id);
}

Deno.test("GET logs: has a row for each run, the newest first, twenty to a page", async () => {
  const { json } = await openOnce();
  const { status, data, ...rest } = await json("GET", "/admin/crawler/logs", { as });
  deepEqual([status, data.length], [200, 20]);
  deepEqual(data.slice(0, 4).map(({ run_id }: { run_id: string }) => run_id), [
    ...["now", "good", "bad/é?", "skip"],
  ]);
  deepEqual(Reflect.get(rest, "pagination"), {
    ...{ page: 1, size: 20, total: 29, pages: 2, has_next: true, has_prev: false },
  });
});

Deno.test("GET logs: a page after the last one is empty and says so", async () => {
  const { json } = await openOnce();
  const page = async (query: string) => {
    const { data, ...rest } = await json("GET", `/admin/crawler/logs?${query}`, { as });
    return [data.length, Reflect.get(rest, "pagination")];
  };
  deepEqual(await page("page=2"), [
    9,
    { page: 2, size: 20, total: 29, pages: 2, has_next: false, has_prev: true },
  ]);
  deepEqual(await page("page=7&size=10&status=failed"), [
    0,
    { page: 7, size: 10, total: 1, pages: 1, has_next: false, has_prev: true },
  ]);
  deepEqual(await page("source=nothing"), [
    0,
    { page: 1, size: 20, total: 0, pages: 0, has_next: false, has_prev: false },
  ]);
});

Deno.test("GET logs: tells all of a run that succeeded", async () => {
  const { json } = await openOnce();
  const { data: [run] } = await json("GET", "/admin/crawler/logs?source=sina", { as });
  deepEqual(run, {
    ...{ run_id: "good", source: "sina", venue: "sina", status: "succeeded" },
    ...{ trigger: "schedule", scheduled_for: "2026-03-01T09:59:59.995Z" },
    ...{ started_at: "2026-03-01T10:00:00.000Z", finished_at: "2026-03-01T10:00:01.500Z" },
    attempts: [{
      ...{ attempt: 1, status: "succeeded", duration_ms: 1_500 },
      ...{ started_at: "1970-01-01T00:00:00.000Z", finished_at: "1970-01-01T00:00:01.500Z" },
      ...{ error_class: null, error_message: null, http_status: null },
      ...{ response: null, retry_at: null },
    }],
    ...{ rows: 12, bytes: 3_000, error_class: null, error_message: null, http_status: null },
    ...{ retry_of: null, crashes: 0 },
  });
});

Deno.test("GET logs: filters go together, from is inclusive, to is not", async () => {
  deepEqual(await ids("status=skipped"), ["skip"]);
  deepEqual(await ids("source=openvlab"), ["bad/é?", "skip"]);
  deepEqual(await ids("source=openvlab&status=failed&q=ATM_IV"), ["bad/é?"]);
  deepEqual(await ids("q=Skipp"), ["skip"]);
  deepEqual(await ids("source=nothing"), []);
  const from = new Date(AT - HOUR).toISOString();
  deepEqual(await ids(`from=${from}&to=${AT}`), ["bad/é?"]);
  deepEqual(await ids(`from=${AT}`), ["now", "good"]);
});

for (
  const [query, field] of [
    ...[["status=done", "status"], ["from=yesterday", "from"], ["to=x", "to"]] as const,
    ...[["from=2026-03-02&to=2026-03-01", "to"], ["page=0", "page"], ["page=x", "page"]] as const,
    ...[["size=101", "size"], ["size=0", "size"], ["source=", "source"], ["q=", "q"]] as const,
    ...[["sources=a", "sources"], ["page=1&page=2", "page"]] as const,
  ]
) {
  Deno.test(`GET logs: ?${query} is 422 and names ${field}`, async () => {
    const { json } = await openOnce();
    const { status, error } = await json("GET", `/admin/crawler/logs?${query}`, { as });
    deepEqual([status, error.code, error.field], [422, "VALIDATION_ERROR", field]);
  });
}

const BAD = `/admin/crawler/runs/${encodeURIComponent("bad/é?")}`;

Deno.test("GET run: has every attempt, and says where what was answered is kept", async () => {
  const { json, house } = await openOnce();
  const { status, data } = await json("GET", BAD, { as });
  const { sha256 } = await house.blobs.put(ANSWER);
  const kept = (n: number) => ({
    ...{ sha256, size_bytes: ANSWER.length, href: `${BAD}/response?attempt=${n}` },
  });
  deepEqual([status, data.run_id, data.retry_of, data.crashes], [200, "bad/é?", "lost", 2]);
  deepEqual(data.attempts.map((one: { response: unknown }) => one.response), [
    ...[kept(1), null, kept(3)],
  ]);
  const { started_at, finished_at, retry_at, ...first } = data.attempts[0];
  deepEqual([started_at, finished_at, retry_at], [
    ...["2026-03-01T09:00:00.000Z", "2026-03-01T09:00:00.001Z", "2026-03-01T10:00:00.000Z"],
  ]);
  deepEqual(first, {
    ...{ attempt: 1, status: "failed", duration_ms: 1_500, error_class: "ServerError" },
    ...{ error_message: "it answered HTTP 503", http_status: 503, response: kept(1) },
  });
});

Deno.test("GET run: one that goes on has no end yet", async () => {
  const { json } = await openOnce();
  const { data } = await json("GET", "/admin/crawler/runs/now", { as });
  deepEqual([data.status, data.finished_at, data.attempts, data.rows], ["running", null, [], null]);
});

Deno.test("GET response: gives the bytes as a file that no browser shows or runs", async () => {
  const { ask, json } = await openOnce();
  const { data: { attempts } } = await json("GET", BAD, { as });
  const response = await ask("GET", attempts[2].response.href, { as });
  deepEqual(await response.bytes(), ANSWER);
  const { headers } = response;
  equal(headers.get("content-type"), "application/octet-stream");
  equal(headers.get("content-disposition"), 'attachment; filename="bad___.3.bin"');
  equal(headers.get("x-content-type-options"), "nosniff");
  match(headers.get("content-security-policy") ?? "", /default-src 'none'; sandbox/);
  match(headers.get("cache-control") ?? "", /private/);
  equal(headers.get("access-control-allow-origin"), null);
});

Deno.test("GET response: is that of the last attempt that has one, in parts, too", async () => {
  const { ask } = await openOnce();
  const path = `${BAD}/response`;
  const last = await ask("GET", path, { as });
  match(last.headers.get("content-disposition") ?? "", /\.3\.bin"$/);
  const etag = last.headers.get("etag") ?? "";
  await last.body?.cancel();
  const part = await ask("GET", path, { as, headers: { range: "bytes=0-6" } });
  deepEqual([part.status, await part.text()], [206, "<script"]);
  const same = await ask("GET", path, { as, headers: { "if-none-match": etag } });
  equal(same.status, 304);
  const head = await ask("HEAD", path, { as });
  deepEqual([head.status, head.headers.get("content-length")], [200, String(ANSWER.length)]);
});

for (
  const [title, path, status] of [
    ["an unknown run", "/admin/crawler/runs/nothing", 404],
    ["the answer of an unknown run", "/admin/crawler/runs/nothing/response", 404],
    ["an attempt that got no answer", `${BAD}/response?attempt=2`, 404],
    ["an attempt that never was", `${BAD}/response?attempt=9`, 404],
    ["a run that never failed", "/admin/crawler/runs/good/response", 404],
    ["what is no attempt", `${BAD}/response?attempt=last`, 422],
    ["an attempt 0", `${BAD}/response?attempt=0`, 422],
  ] as const
) {
  Deno.test(`GET run: ${title} is ${status}`, async () => {
    const { json } = await openOnce();
    equal((await json("GET", path, { as })).status, status);
  });
}

Deno.test("GET run: an id is looked up as it is, whatever it looks like", async () => {
  const { json } = await openOnce();
  for (const id of ["%2e%2e%2fetc", "' or 1=1", "x".repeat(500), "__proto__", "a\0b"]) {
    const path = `/admin/crawler/runs/${encodeURIComponent(id)}`;
    equal((await json("GET", path, { as })).status, 404, id);
  }
});
