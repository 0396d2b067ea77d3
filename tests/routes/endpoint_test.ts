import assert from "node:assert/strict";
import fc from "fast-check";
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { endpoint } from "@/routes/endpoint.ts";
import { type AppEnv, success } from "@/routes/envelope.ts";
import { createErrorHandler } from "@/routes/errors.ts";
import { createGuard } from "@/routes/guard.ts";
import { countParam, flagParam, timeField, timeParam } from "@/routes/params.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { authenticate, TOKENS } from "@/tests/support/app.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const LIMITS = { auth: 2, lab: 0, write: 3, market: 3 } as const;

function openTiny({ marketData = "open" }: { marketData?: "open" | "private" } = {}) {
  const app = new OpenAPIHono<AppEnv>({ strict: false });
  const clock = fakeClock(0);
  app.onError(createErrorHandler({ log: quietLog, signal: new AbortController().signal }));
  const settings = {
    ...{ marketData, rateLimits: LIMITS, trustProxy: 1, simulated: false, version: "0" },
    ...{ fingerprintKey: "", openCandle: true, timeZone: "Asia/Shanghai" },
    ...{ metrics: "admin" } as const,
  };
  const router = { app, guard: createGuard({ authenticate, clock, settings }) };
  const answer = { status: 200, description: "What was understood" } as const;
  const common = { tag: "Test", summary: "Says what it understood", answer };
  const query = z.strictObject({
    at: timeParam("A time.").optional(),
    n: countParam({ min: 1, max: 10, description: "A count." }).prefault("5"),
    flag: flagParam("A flag.").prefault("false"),
    name: z.string().min(1).max(5).optional(),
  });
  const body = z.strictObject({
    name: z.string().max(5),
    inner: z.strictObject({ at: timeField("A time.") }).optional(),
  });
  endpoint(router, {
    ...common,
    method: "get",
    path: "/market",
    access: "market",
    query,
    body: undefined,
  }, (c, input) => success(c, input.query));
  endpoint(router, {
    ...common,
    method: "post",
    path: "/write/{id}",
    access: "write",
    query: z.strictObject({}),
    body,
  }, (c, input) => success(c, input.body));
  return {
    clock,
    async ask(path: string, init: RequestInit = {}) {
      const response = await app.request(path, init);
      return { status: response.status, headers: response.headers, ...await response.json() };
    },
  };
}

const bearer = { authorization: `Bearer ${TOKENS.writer}` };

function post(body: BodyInit | null, headers: Record<string, string> = {}): RequestInit {
  return {
    method: "POST",
    body,
    headers: { ...bearer, "content-type": "application/json", ...headers },
  };
}

Deno.test("endpoint: gives the handler a parsed query with its defaults", async () => {
  const { ask } = openTiny();
  assert.deepEqual((await ask("/market")).data, { n: 5, flag: false });
  assert.deepEqual((await ask("/market?at=2021-01-01&n=7&flag=true")).data, {
    ...{ at: Date.UTC(2021, 0, 1), n: 7, flag: true },
  });
  assert.deepEqual((await ask("/market/?at=1609459200000")).data.at, Date.UTC(2021, 0, 1));
});

const BAD_QUERIES: readonly [query: string, field: string, says: RegExp][] = [
  ["n=0", "n", /whole number from 1 to 10/],
  ["n=11", "n", /whole number/],
  ["n=1.5", "n", /whole number/],
  ["n=", "n", /whole number/],
  ["at=yesterday", "at", /epoch ms or ISO 8601/],
  ["flag=yes", "flag", /flag: expected one of true, false$/],
  ["flag=", "flag", /expected one of true, false$/],
  ["name=", "name", /name: must not be empty$/],
  ["name=123456", "name", /name: expected at most 5 characters$/],
  ["N=5", "N", /unknown query parameter/],
  ["n=1&n=2", "n", /given twice/],
  ["__proto__=1", "__proto__", /unknown/],
  ["flag=%00", "flag", /U\+0000/],
];

for (const [query, field, says] of BAD_QUERIES) {
  Deno.test(`endpoint: refuses ?${query} and names ${field}`, async () => {
    const { status, error } = await openTiny().ask(`/market?${query}`);
    assert.deepEqual([status, error.code, error.field], [422, "VALIDATION_ERROR", field]);
    assert.match(error.message, says);
  });
}

Deno.test("endpoint: any query is answered, none is a bug", async () => {
  const names = fc.constantFrom("name", "at", "n", "flag", "other", "__proto__", "constructor");
  const pairs = fc.array(fc.tuple(names, fc.string({ unit: "binary" })), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(pairs, async (given) => {
      const text = given.map(([name, value]) => {
        return `${name}=${encodeURIComponent(value.toWellFormed())}`;
      }).join("&");
      const { status } = await openTiny().ask(`/market?${text}`);
      assert.ok(status === 200 || status === 422, `${status} for ?${text}`);
    }),
    { numRuns: 200 },
  );
});

const BAD_BODIES: readonly [
  what: string,
  RequestInit,
  status: number,
  code: string,
  field?: string,
][] = [
  ["broken JSON", post('{"name":'), 400, "MALFORMED_JSON"],
  ["nothing", post(null), 400, "MALFORMED_JSON"],
  ["what is not UTF-8", post(new Uint8Array([0x22, 0xff, 0x22])), 400, "MALFORMED_JSON"],
  ["an array", post("[]"), 422, "VALIDATION_ERROR"],
  ["null", post("null"), 422, "VALIDATION_ERROR"],
  ["a missing field", post("{}"), 422, "VALIDATION_ERROR", "name"],
  ["a wrong type", post('{"name":1}'), 422, "VALIDATION_ERROR", "name"],
  ["text that is too long", post('{"name":"123456"}'), 422, "VALIDATION_ERROR", "name"],
  ["an unknown field", post('{"name":"a","nam":1}'), 422, "VALIDATION_ERROR", "nam"],
  [
    "an unknown field inside",
    post('{"name":"a","inner":{"at":1,"x":2}}'),
    422,
    "VALIDATION_ERROR",
    "inner.x",
  ],
  [
    "a bad value inside",
    post('{"name":"a","inner":{"at":"x"}}'),
    422,
    "VALIDATION_ERROR",
    "inner.at",
  ],
  ["U+0000", post('{"name":"a\\u0000"}'), 422, "VALIDATION_ERROR", "name"],
  ["half a character", post('{"name":"\\ud800"}'), 422, "VALIDATION_ERROR", "name"],
  ["a field named __proto__", post('{"name":"a","__proto__":{"x":1}}'), 422, "VALIDATION_ERROR"],
  ["more than 1 MB", post(`"${"x".repeat(1024 * 1024)}"`), 413, "PAYLOAD_TOO_LARGE"],
  [
    "another media type",
    post("name=a", { "content-type": "text/plain" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
  [
    "another character set",
    post("{}", { "content-type": "application/json; charset=latin1" }),
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
  ["a packed body", post("{}", { "content-encoding": "gzip" }), 415, "UNSUPPORTED_MEDIA_TYPE"],
  [
    "a body without a type",
    { method: "POST", headers: bearer, body: new Blob(["{}"]) },
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ],
];

for (const [what, init, status, code, field] of BAD_BODIES) {
  Deno.test(`endpoint: refuses ${what} with ${status}`, async () => {
    const answer = await openTiny().ask("/write/1", init);
    assert.deepEqual([answer.status, answer.error.code], [status, code]);
    if (field !== undefined) assert.equal(answer.error.field, field);
  });
}

const WORDS: readonly [body: string, says: string][] = [
  ["{}", "name: required"],
  ['{"name":1}', "name: expected text"],
  ['{"name":null}', "name: expected text"],
  ['{"name":"123456"}', "name: expected at most 5 characters"],
  ['{"name":"a","inner":[]}', "inner: expected an object"],
  ['{"name":"a","inner":{}}', "inner.at: required"],
  ['{"name":"a","inner":{"at":{}}}', "inner.at: expected epoch ms or ISO 8601"],
  ["[]", "body: expected an object"],
];

for (const [body, says] of WORDS) {
  Deno.test(`endpoint: says of ${body} that ${says}`, async () => {
    const { error } = await openTiny().ask("/write/1", post(body));
    assert.equal(error.message, `Cannot accept the body: ${says}`);
    const [{ field, message }] = error.details;
    assert.deepEqual([`${field}: ${message}`, error.field], [says, field]);
  });
}

Deno.test("endpoint: takes JSON with a named character set", async () => {
  const type = { "content-type": "Application/JSON; charset=UTF-8" };
  const { status, data } = await openTiny().ask("/write/1", post('{"name":"日本"}', type));
  assert.deepEqual([status, data], [200, { name: "日本" }]);
});

Deno.test("endpoint: limits guests by address and says how long to wait", async () => {
  const { ask, clock } = openTiny();
  const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
  for (let i = 0; i < 3; i++) assert.equal((await ask("/market", from("1.1.1.1"))).status, 200);
  const refused = await ask("/market", from("1.1.1.1"));
  assert.deepEqual([refused.status, refused.error.code], [429, "RATE_LIMITED"]);
  assert.equal(refused.headers.get("retry-after"), "20");
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
  assert.equal((await ask("/market", from("2.2.2.2"))).status, 200);
  clock.advance(20_000);
  assert.equal((await ask("/market", from("1.1.1.1"))).status, 200);
});

Deno.test("endpoint: limits holders of a token by who they are, and the operator never", async () => {
  const { ask } = openTiny();
  const from = (token: string, address: string) => ({
    headers: { authorization: `Bearer ${token}`, "x-forwarded-for": address },
  });
  for (let i = 0; i < 3; i++) {
    assert.equal((await ask("/market", from(TOKENS.reader, `1.1.1.${i}`))).status, 200);
  }
  assert.equal((await ask("/market", from(TOKENS.reader, "1.1.1.9"))).status, 429);
  assert.equal((await ask("/market", from(TOKENS.writer, "1.1.1.9"))).status, 200);
  for (let i = 0; i < 10; i++) {
    assert.equal((await ask("/market", from(TOKENS.admin, "1.1.1.9"))).status, 200);
  }
});

Deno.test("endpoint: whoever guesses tokens is slowed down, whoever holds one is not", async () => {
  const { ask } = openTiny();
  const guess = (token: string) =>
    ask("/market", { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await guess("a")).status, 401);
  assert.equal((await guess("b")).status, 401);
  assert.equal((await guess("c")).status, 429);
  assert.equal((await guess(TOKENS.admin)).status, 200);
});

Deno.test("endpoint: private market data needs a token that may read", async () => {
  const { ask } = openTiny({ marketData: "private" });
  assert.equal((await ask("/market")).status, 401);
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  assert.equal((await ask("/market", as(TOKENS.reader))).status, 200);
  assert.equal((await ask("/market", as(TOKENS.admin))).status, 200);
});
