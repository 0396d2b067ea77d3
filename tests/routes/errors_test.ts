import assert from "node:assert/strict";
import { OpenAPIHono } from "@hono/zod-openapi";
import { Refusal, type RefusalCode } from "@/domain/decider.ts";
import { DamagedFile } from "@/domain/damaged_file.ts";
import { BlobCorrupt } from "@/events/blobs/blobs.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { LogFields } from "@/domain/ports/log.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { InvalidEvent, VersionConflict } from "@/events/store/store.ts";
import type { AppEnv } from "@/routes/envelope.ts";
import { CallerGone, createErrorHandler } from "@/routes/errors.ts";

async function answerTo(error: Error, { stopping = false } = {}) {
  const logged: [level: string, fields: LogFields | undefined][] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warn: (_: string, fields?: LogFields) => void logged.push(["warn", fields]),
    error: (_: string, fields?: LogFields) => void logged.push(["error", fields]),
  };
  const signal = stopping ? AbortSignal.abort() : new AbortController().signal;
  const app = new OpenAPIHono<AppEnv>();
  app.onError(createErrorHandler({ log, signal }));
  app.get("/", () => {
    throw error;
  });
  const response = await app.request("/");
  const { error: body, meta } = await response.json();
  return { status: response.status, headers: response.headers, body, meta, logged };
}

const REFUSALS: readonly (readonly [RefusalCode, status: number])[] = [
  ["malformed_json", 400],
  ["unauthenticated", 401],
  ["forbidden", 403],
  ["not_found", 404],
  ["conflict", 409],
  ["name_taken", 409],
  ["stale_version", 409],
  ["payload_too_large", 413],
  ["unsupported_media_type", 415],
  ["validation_error", 422],
  ["rate_limited", 429],
  ["unavailable", 503],
  ["storage_full", 507],
];

Deno.test("errors: a refusal answers its code, status, field and details, and is not logged", async () => {
  for (const [code, status] of REFUSALS) {
    const details = [{ field: "symbol", message: "BTC/USDT is held" }];
    const refusal = new Refusal(code, "Cannot do it", { field: "symbol", details });
    const { body, logged, ...answer } = await answerTo(refusal);
    assert.equal(answer.status, status, code);
    assert.deepEqual(body, {
      ...{ code: code.toUpperCase(), message: "Cannot do it", field: "symbol", details },
    });
    assert.deepEqual(logged, []);
  }
});

const lost = new DatabaseError("connection lost", {});
const full = new DatabaseError("disk full", { sqlstate: "53100" });
const broken = new DatabaseError("no such column", { sqlstate: "42703" });
const venue = { port: "exchange", op: "fetchCandles" } as const;
const enospc = Object.assign(new Error("write"), { code: "ENOSPC" });

const rotten = new BlobCorrupt("a".repeat(64), "b".repeat(64));

const OTHERS: readonly [what: string, Error, status: number, code: string, level: string][] = [
  ["a stream that moved", new VersionConflict("s", 1, 2), 409, "CONFLICT", ""],
  ["an event that cannot be stored", new InvalidEvent("T", "U+0000"), 422, "VALIDATION_ERROR", ""],
  ["a lost connection", lost, 503, "UNAVAILABLE", "warn"],
  ["a full disk of the database", full, 507, "STORAGE_FULL", "warn"],
  ["a statement of ours that is wrong", broken, 500, "INTERNAL", "error"],
  [
    "a venue that is down",
    new AdapterError("x", { ...venue, retryable: true }),
    503,
    "UNAVAILABLE",
    "warn",
  ],
  [
    "an adapter that will never work",
    new AdapterError("x", { ...venue, retryable: false }),
    500,
    "INTERNAL",
    "error",
  ],
  [
    "a full disk below an adapter",
    new AdapterError("x", { ...venue, retryable: true, cause: enospc }),
    507,
    "STORAGE_FULL",
    "warn",
  ],
  ["a damaged blob", rotten, 503, "UNAVAILABLE", "warn"],
  [
    "a damaged period file",
    new DamagedFile("binance.BTC-USDT.1m", "2020-08", rotten),
    503,
    "UNAVAILABLE",
    "warn",
  ],
  ["a bug", new TypeError("x is undefined"), 500, "INTERNAL", "error"],
];

for (const [what, error, status, code, level] of OTHERS) {
  Deno.test(`errors: ${what} is ${status} ${code}${level ? `, logged once as ${level}` : ""}`, async () => {
    const { body, meta, logged, ...answer } = await answerTo(error);
    assert.deepEqual([answer.status, body.code], [status, code]);
    assert.deepEqual(logged.map(([at]) => at), level === "" ? [] : [level]);
    if (level !== "") assert.equal(logged[0]?.[1]?.requestId, meta.request_id);
  });
}

Deno.test("errors: a bug tells the caller nothing of itself", async () => {
  const { body } = await answerTo(new Error("password hunter2 is wrong"));
  assert.deepEqual(body, { code: "INTERNAL", message: "Internal error" });
});

Deno.test("errors: what can be tried again says after how many seconds", async () => {
  assert.equal((await answerTo(lost)).headers.get("retry-after"), "5");
  const told = new AdapterError("x", { ...venue, retryable: true, retryAfterMs: 1_500 });
  assert.equal((await answerTo(told)).headers.get("retry-after"), "2");
  assert.equal((await answerTo(broken)).headers.get("retry-after"), null);
});

Deno.test("errors: work that a stop of the service breaks off may be tried again", async () => {
  const abort = new DOMException("aborted", "AbortError");
  const { status, body, logged } = await answerTo(abort, { stopping: true });
  assert.deepEqual([status, body.code, logged], [503, "UNAVAILABLE", []]);
  assert.equal((await answerTo(abort)).status, 500);
});

Deno.test("errors: work that finds a part closed while the service stops may be tried again", async () => {
  const closed = new AdapterError("Cannot use the lake: it is closed", {
    ...{ port: "lake", op: "worker", retryable: false },
  });
  const { status, body, logged, headers } = await answerTo(closed, { stopping: true });
  assert.deepEqual([status, body.code, logged], [503, "UNAVAILABLE", []]);
  assert.equal(headers.get("retry-after"), "5");
  const drained = new DatabaseError("The pool is closed", { sqlstate: "42501" });
  assert.equal((await answerTo(drained, { stopping: true })).status, 503);
  assert.equal((await answerTo(closed)).status, 500);
  // What is wrong for good stays what it is.
  const bug = new RangeError("Invalid time value");
  assert.equal((await answerTo(bug, { stopping: true })).status, 500);
  const full = new DatabaseError("no space", { sqlstate: "53100" });
  assert.equal((await answerTo(full, { stopping: true })).status, 507);
});

Deno.test("errors: a caller that went away is nobody's fault", async () => {
  const { status, logged } = await answerTo(new CallerGone(new Error("reset")));
  assert.deepEqual([status, logged], [499, []]);
});
