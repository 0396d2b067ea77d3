import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { createSourceHttp, type SourceHttpOptions } from "@/adapters/sources/source_http.ts";
import { SourceError, type SourceErrorClass } from "@/domain/ports/source_error.ts";
import { sourceAnswer } from "@/adapters/sources/source_answer.ts";
import { openSources } from "@/adapters/sources/sources.ts";
import { fakeClock, leapingClock, settle } from "@/tests/support/fake_clock.ts";
import { credential } from "@/tests/support/open_sites.ts";
import { startSources } from "@/tests/support/source_server.ts";
import { scriptedFaults, type SourceFault } from "@/tests/support/source_faults.ts";

const NOW = Date.parse("2026-09-08T09:30:00Z");
const never = new AbortController().signal;

function httpThat(
  answer: (request: Request) => Response | Promise<Response>,
  options: Partial<SourceHttpOptions> = {},
) {
  return createSourceHttp({
    ...{ source: "openvlab", clock: leapingClock(NOW), home: "https://site.example" },
    fetch: async (url, init) => await answer(new Request(url, init)),
    ...options,
  });
}

async function failed(work: Promise<unknown>): Promise<SourceError> {
  const error = await work.then(() => undefined, (cause: unknown) => cause);
  ok(error instanceof SourceError, Deno.inspect(error));
  return error;
}

const STATUSES: readonly [status: number, SourceErrorClass, headers?: Record<string, string>][] = [
  [400, "invalid"],
  [401, "login_required"],
  [403, "login_required"],
  [404, "schema_changed"],
  [405, "schema_changed"],
  [408, "timeout"],
  [410, "schema_changed"],
  [422, "invalid"],
  [429, "rate_limited"],
  [456, "rate_limited"],
  [500, "server"],
  [503, "server"],
  [302, "login_required", { location: "https://site.example/user/login?back=/" }],
  [301, "schema_changed", { location: "https://elsewhere.example/" }],
];

Deno.test("source HTTP: each status has its class and stays in the error", async () => {
  for (const [status, errorClass, headers = {}] of STATUSES) {
    const http = httpThat(() => new Response("said", { status, headers }));
    const error = await failed(http.ask({ path: "/a", signal: never }));
    equal(error.errorClass, errorClass, `${status}`);
    equal(error.httpStatus, status);
    equal(new TextDecoder().decode(error.response?.bytes), "said");
    equal(error.op, "openvlab GET /a");
  }
});

Deno.test("source HTTP: waits as long as an answer asks for, in seconds, until a date, or not at all", async () => {
  const asked: readonly [retryAfter: string | undefined, ms: number | undefined][] = [
    ["7", 7_000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    [undefined, undefined],
    ["soon", undefined],
  ];
  for (const [retryAfter, ms] of asked) {
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    for (const status of [429, 503]) {
      const http = httpThat(() => new Response("", { status, headers }));
      const { retryAfterMs } = await failed(http.ask({ path: "/", signal: never }));
      equal(retryAfterMs, ms, `${status} ${retryAfter}`);
    }
  }
});

Deno.test("source HTTP: an answer beyond the limit is refused after its beginning", async () => {
  let sent = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          sent += 1_000;
          controller.enqueue(new Uint8Array(1_000));
        },
      }),
    );
  const error = await failed(
    httpThat(endless, { maxBytes: 10_000 }).ask({ path: "/", signal: never }),
  );
  equal(error.errorClass, "invalid");
  equal(error.response?.bytes.length, 10_000);
  equal(error.response?.truncated, true);
  ok(sent < 20_000, `${sent}`);
});

Deno.test("source HTTP: a body of exactly the limit is whole", async () => {
  const http = httpThat(() => new Response("x".repeat(10)), { maxBytes: 10 });
  equal((await http.ask({ path: "/", signal: never })).text, "x".repeat(10));
});

Deno.test("source HTTP: text is read in the encoding that the answer names, and kept byte by byte", async () => {
  // 铜 in GBK; in UTF-8 it would be no text at all.
  const gbk = new Uint8Array([...new TextEncoder().encode('{"name":"'), 0xcd, 0xad, 0x22, 0x7d]);
  const utf8 = new TextEncoder().encode('\ufeff{"name":"铜"}');
  const answers: readonly [contentType: string, body: Uint8Array<ArrayBuffer>][] = [
    ["application/javascript; charset=GBK", gbk],
    ['text/html;Charset="gb18030"', gbk],
    ["application/json", utf8],
    ["application/json; charset=utf-8", utf8],
    ["application/json; charset=of-our-own", utf8],
  ];
  for (const [contentType, body] of answers) {
    const http = httpThat(() => new Response(body, { headers: { "content-type": contentType } }));
    const reply = await http.ask({ path: "/", signal: never });
    deepEqual(reply.json(), { name: "铜" }, contentType);
    deepEqual(reply.cleanBytes, body);
    deepEqual(reply.fail("invalid", "it is wrong").response?.bytes, body);
    deepEqual(sourceAnswer([reply], {}).raw, { bytes: body, contentType });
  }
});

Deno.test("source HTTP: requests go out one at a time and a second apart, whoever asks", async () => {
  const clock = fakeClock(NOW);
  const at: number[] = [];
  let running = 0;
  const http = httpThat(async () => {
    equal(++running, 1);
    at.push(clock.now() - NOW);
    await settle(3);
    running--;
    return new Response("{}");
  }, { clock });
  const asked = ["/a", "/b", "/c"].map((path) => http.ask({ path, signal: never }));
  for (let i = 0; i < 30; i++) {
    await settle();
    clock.advance(100);
  }
  await Promise.all(asked);
  deepEqual(at, [0, 1_000, 2_000]);
});

Deno.test("source HTTP: whoever gives up while waiting for a turn is not asked for", async () => {
  const asked: string[] = [];
  const clock = fakeClock(NOW);
  const http = httpThat((request) => {
    asked.push(new URL(request.url).pathname);
    return new Response("{}");
  }, { clock });
  await http.ask({ path: "/first", signal: never });
  const ends = new AbortController();
  const second = http.ask({ path: "/second", signal: ends.signal });
  ends.abort(new DOMException("too long", "TimeoutError"));
  equal((await failed(second)).errorClass, "timeout");
  deepEqual(asked, ["/first"]);
});

Deno.test("source HTTP: a secret that an answer or an error repeats is in neither", async () => {
  const http = httpThat((request) => {
    const said = request.headers.get("authorization");
    return new Response(`you said ${said}`, { status: 500 });
  }, { headers: { authorization: "tok-31415926" }, secrets: [credential("tok-31415926")] });
  const error = await failed(http.ask({ path: "/", signal: never }));
  equal(new TextDecoder().decode(error.response?.bytes), "you said [removed]");
  ok(!Deno.inspect(error).includes("tok-31415926"));
});

const OVER_SOCKETS: readonly [SourceFault, SourceErrorClass][] = [
  [{ kind: "reset" }, "network"],
  [{ kind: "rate_limited", retryAfterS: 3 }, "rate_limited"],
  [{ kind: "server_error", status: 502 }, "server"],
  [{ kind: "truncated" }, "network"],
  [{ kind: "login_wall" }, "login_required"],
  [{ kind: "schema_change" }, "schema_changed"],
];

Deno.test("sources over sockets: each fault has its class, and the next crawl succeeds", async () => {
  const faults = scriptedFaults("openvlab", OVER_SOCKETS.map(([fault]) => fault));
  const server = startSources({ faults });
  try {
    const source = openSources({ clock: leapingClock(NOW), urls: server.urls }).get("openvlab");
    ok(source);
    const request = { date: "2026-09-08", signal: never };
    for (const [{ kind }, errorClass] of OVER_SOCKETS) {
      equal((await failed(source.fetch(request))).errorClass, errorClass, kind);
    }
    equal((await source.fetch(request)).rows.length, 5);
  } finally {
    await server.close();
  }
});

Deno.test("sources over sockets: a hang ends with the time limit, and frees the source's turn", async () => {
  const server = startSources({ faults: scriptedFaults("founderfu", [{ kind: "hang" }]) });
  try {
    const source = openSources({ clock: leapingClock(NOW), urls: server.urls }).get("founderfu");
    ok(source);
    const hanging = source.fetch({ date: "2026-09-08", signal: AbortSignal.timeout(50) });
    equal((await failed(hanging)).errorClass, "timeout");
    equal((await source.fetch({ date: "2026-09-08", signal: never })).rows.length, 2);
  } finally {
    await server.close();
  }
});

Deno.test("sources over sockets: nobody who listens is a network error", async () => {
  const server = startSources();
  const { urls } = server;
  await server.close();
  const source = openSources({ clock: leapingClock(NOW), urls }).get("sina");
  ok(source);
  const error = await failed(source.fetch({ date: "2026-09-08", signal: never }));
  deepEqual([error.errorClass, error.retryable], ["network", true]);
  equal(error.message, "Cannot crawl sina: it cannot be reached");
});

Deno.test("source HTTP: a reason other than time is passed on as it is", async () => {
  const reason = new Error("the service stops");
  const http = httpThat(({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const ends = new AbortController();
  const asking = http.ask({ path: "/", signal: ends.signal });
  await settle();
  ends.abort(reason);
  await rejects(asking, reason);
});
