import { deepEqual, equal } from "node:assert/strict";
import { type CrawlErrorClass, failureOf, isCrawlErrorClass } from "@/domain/crawlers/failure.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { DatabaseError } from "@/events/store/database.ts";

const adapter = (message: string, retryable: boolean, retryAfterMs?: number) =>
  new AdapterError(message, { port: "exchange", op: "fetch", retryable, retryAfterMs });

/** What a source's own error looks like from here. */
class SourceError extends Error {
  constructor(readonly errorClass: string, readonly httpStatus?: unknown) {
    super(`it failed as ${errorClass}`);
  }
}

const CASES: readonly [
  what: string,
  thrown: unknown,
  expected: { errorClass: CrawlErrorClass; retryable: boolean; httpStatus?: number },
][] = [
  [
    "an exchange that cannot be reached",
    adapter("Cannot ask binance: it cannot be reached", true),
    { errorClass: "NetworkError", retryable: true },
  ],
  [
    "an exchange that answers 502",
    adapter("Cannot ask binance: it answered HTTP 502", true),
    { errorClass: "ServerError", retryable: true, httpStatus: 502 },
  ],
  [
    "an exchange that asks for fewer requests",
    adapter("Cannot ask binance: it asks for fewer requests (HTTP 429)", true, 10_000),
    { errorClass: "RateLimited", retryable: true, httpStatus: 429 },
  ],
  [
    "an exchange that bans the address",
    adapter("Cannot ask binance: it asks for fewer requests (HTTP 418)", true),
    { errorClass: "RateLimited", retryable: true, httpStatus: 418 },
  ],
  [
    "an exchange that asks to wait without a status",
    adapter("Cannot ask okx: it asks for fewer requests", true, 10_000),
    { errorClass: "RateLimited", retryable: true },
  ],
  [
    "an exchange that does not serve this place",
    adapter("Cannot ask binance: it does not serve this place (HTTP 451)", false),
    { errorClass: "Refused", retryable: false, httpStatus: 451 },
  ],
  [
    "an adapter that may be asked again although the status sounds final",
    adapter("Cannot ask okx: it answered HTTP 404", true),
    { errorClass: "NetworkError", retryable: true, httpStatus: 404 },
  ],
  [
    "a database that lost its connection",
    new DatabaseError("connection lost", { sqlstate: "08006" }),
    { errorClass: "DatabaseError", retryable: true },
  ],
  [
    "a database that refuses the data",
    new DatabaseError("out of range", { sqlstate: "22003" }),
    { errorClass: "DatabaseError", retryable: false },
  ],
  [
    "a refusal",
    new Refusal("validation_error", "Cannot do that"),
    { errorClass: "Refused", retryable: false },
  ],
  [
    "a timeout",
    new DOMException("Signal timed out.", "TimeoutError"),
    { errorClass: "Timeout", retryable: true },
  ],
  ["a bug", new TypeError("x is not a function"), {
    errorClass: "InternalError",
    retryable: false,
  }],
  ["what is no error at all", "no", { errorClass: "InternalError", retryable: false }],
  ["nothing", undefined, { errorClass: "InternalError", retryable: false }],
  [
    "a login wall",
    new SourceError("LoginRequired", 403),
    { errorClass: "LoginRequired", retryable: false, httpStatus: 403 },
  ],
  [
    "another schema",
    new SourceError("SchemaChanged"),
    { errorClass: "SchemaChanged", retryable: false },
  ],
  [
    "rows that are too few",
    new SourceError("ValidationFailed", "200"),
    { errorClass: "ValidationFailed", retryable: false },
  ],
  [
    "an answer that is cut off",
    new SourceError("BrokenAnswer", 200),
    { errorClass: "BrokenAnswer", retryable: true, httpStatus: 200 },
  ],
  [
    "a source's own name for a login wall",
    new SourceError("login_required", 403),
    { errorClass: "LoginRequired", retryable: false, httpStatus: 403 },
  ],
  [
    "a source's own name for a server's fault",
    new SourceError("server", 503),
    { errorClass: "ServerError", retryable: true, httpStatus: 503 },
  ],
  [
    "a source without its settings",
    new SourceError("not_configured"),
    { errorClass: "NotConfigured", retryable: false },
  ],
  [
    "a class that is none of ours",
    new SourceError("toString"),
    { errorClass: "InternalError", retryable: false },
  ],
];

for (const [what, thrown, { httpStatus = null, ...expected }] of CASES) {
  Deno.test(`a crawl that meets ${what} ${expected.retryable ? "tries again" : "fails"}`, () => {
    const { message, retryAfterMs, ...failure } = failureOf(thrown);
    deepEqual(failure, { ...expected, httpStatus });
    equal(message, thrown instanceof Error ? thrown.message : String(thrown));
    equal(retryAfterMs, thrown instanceof AdapterError ? thrown.retryAfterMs : undefined);
  });
}

Deno.test("a crawl's failure tells once what its operator can do", () => {
  const hint = "SOURCE_RONGDA2_COOKIE is the cookie of a browser that is logged in";
  const failed = (message: string, cause?: unknown) =>
    failureOf(
      new AdapterError(message, { port: "source", op: "GET /", retryable: false, hint, cause }),
    ).message;
  equal(
    failed("Cannot crawl rongda2: it wants a login"),
    `Cannot crawl rongda2: it wants a login; ${hint}`,
  );
  equal(failed(`Cannot crawl rongda2: ${hint}`), `Cannot crawl rongda2: ${hint}`);
});

Deno.test("names of error classes are told from other texts", () => {
  deepEqual(["Timeout", "timeout", "constructor", 7, null].map(isCrawlErrorClass), [
    ...[true, false, false, false, false],
  ]);
});
