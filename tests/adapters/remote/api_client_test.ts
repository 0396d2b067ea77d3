import { deepEqual, equal, rejects } from "node:assert/strict";
import { z } from "zod";
import { type ApiClient, createApiClient, GO_ON } from "@/adapters/remote/api_client.ts";
import { followJob } from "@/adapters/remote/follow_job.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { type Progress, silentProgress } from "@/domain/ports/progress.ts";

interface Seen {
  readonly line: string;
  readonly key: string | null;
  readonly token: string | null;
}

interface Place {
  readonly client: ApiClient;
  readonly clock: { now(): number; sleep(ms: number): Promise<void> };
  readonly seen: Seen[];
  readonly pauses: number[];
}

/** A server on loopback that gives these answers one after the other, and a client of it. */
async function withAnswers(
  answers: readonly (Response | ((signal: AbortController) => Response))[],
  test: (place: Place) => Promise<void>,
  abort = new AbortController(),
): Promise<void> {
  const seen: Seen[] = [];
  const pauses: number[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    const answer = answers[seen.length];
    seen.push({
      line: `${request.method} ${pathname}${search}`,
      key: request.headers.get("idempotency-key"),
      token: request.headers.get("authorization"),
    });
    if (answer === undefined) return new Response("no more answers", { status: 500 });
    return typeof answer === "function" ? answer(abort) : answer;
  });
  const clock = {
    now: () => 0,
    sleep: (ms: number) => Promise.resolve(void pauses.push(ms)),
  };
  const address = `http://127.0.0.1:${server.addr.port}`;
  try {
    const client = createApiClient({ address, token: "t0ken", clock });
    await test({ client, clock, seen, pauses });
  } finally {
    await server.shutdown();
  }
}

function data(value: unknown): Response {
  return Response.json({ success: true, data: value, meta: {} });
}

function failure(status: number, error: object, headers: HeadersInit = {}): Response {
  return Response.json({ success: false, error, meta: {} }, { status, headers });
}

const busy = (headers: HeadersInit = {}) =>
  failure(503, { code: "UNAVAILABLE", message: "starting" }, headers);

Deno.test("data() sends the token and answers the envelope's data", async () => {
  await withAnswers([data([1, 2])], async ({ client, seen }) => {
    const numbers = await client.data({ method: "GET", path: "/x?y=1" }, z.array(z.number()));
    deepEqual(numbers, [1, 2]);
    deepEqual(seen, [{ line: "GET /x?y=1", key: null, token: "Bearer t0ken" }]);
  });
});

Deno.test("data() asks a busy installation again, as long as it wishes and under one key", async () => {
  const answers = [
    busy(),
    failure(429, { code: "RATE_LIMITED", message: "slow" }, {
      "retry-after": "7",
    }),
    data("ok"),
  ];
  await withAnswers(answers, async ({ client, seen, pauses }) => {
    equal(await client.data({ method: "POST", path: "/x" }, z.string()), "ok");
    deepEqual(pauses, [500, 7_000]);
    equal(new Set(seen.map(({ key }) => key)).size, 1);
    equal(typeof seen[0]?.key, "string");
  });
});

Deno.test("data() gives up after five attempts with the last reason", async () => {
  await withAnswers(Array.from({ length: 9 }, () => busy()), async ({ client, seen }) => {
    const asking = client.data({ method: "GET", path: "/x" }, z.string());
    await rejects(asking, { message: "The running installation failed: starting", hint: GO_ON });
    equal(seen.length, 5);
  });
});

Deno.test("data() turns the caller's faults into refusals with near matches, at once", async () => {
  const details = [{ field: "symbol", message: "BTC/USDT is held" }];
  const answer = failure(404, { code: "NOT_FOUND", message: "Cannot find it", details });
  await withAnswers([answer], async ({ client, seen }) => {
    await rejects(client.data({ method: "GET", path: "/x" }, z.string()), (error: unknown) => {
      equal(error instanceof Refusal && error.code, "not_found");
      deepEqual(error instanceof Refusal && error.details, details);
      return true;
    });
    equal(seen.length, 1);
  });
});

for (
  const [title, answer, reason] of [
    ["an internal error", failure(500, { code: "INTERNAL", message: "id 7" }), /failed: id 7/],
    [
      "an answer of something else",
      new Response("<html>", { status: 502 }),
      /answered 502 to GET \/x/,
    ],
    ["a success of another shape", data({ odd: true }), /Cannot understand the answer/],
  ] as const
) {
  Deno.test(`data() calls ${title} the other side's fault and does not repeat it`, async () => {
    await withAnswers([answer], async ({ client, seen }) => {
      await rejects(
        client.data({ method: "GET", path: "/x" }, z.string()),
        (error: unknown) =>
          error instanceof AdapterError && !error.retryable && reason.test(error.message),
      );
      equal(seen.length, 1);
    });
  });
}

Deno.test("data() says so when nobody listens", async () => {
  const clock = { now: () => 0, sleep: () => Promise.resolve() };
  const client = createApiClient({ address: "http://127.0.0.1:1", token: "t", clock });
  const asking = client.data({ method: "GET", path: "/" }, z.string());
  const message = "Cannot reach the running installation at http://127.0.0.1:1";
  await rejects(asking, { message, hint: GO_ON });
});

function jobAt(done: number, status = "running", more: object = {}): Response {
  return data({
    id: "j",
    name: "crawl",
    status,
    label: "crawl x",
    unit: "candles",
    done,
    total: 10,
    ...more,
  });
}

Deno.test("followJob starts the job, shows how far it is and answers its counts", async () => {
  const shown: string[] = [];
  const progress: Progress = {
    ...silentProgress,
    start: (label, { unit, total }) => shown.push(`${label} of ${total} ${unit}`),
    advance: (by) => shown.push(`+${by}`),
    finish: () => shown.push("end"),
  };
  const answers = [
    data({ job_id: "j 1" }),
    jobAt(0),
    jobAt(4),
    jobAt(10, "succeeded", { result: { ingested: 10 } }),
  ];
  await withAnswers(answers, async ({ client, clock, seen }) => {
    const { signal } = new AbortController();
    const counts = await followJob(client, { path: "/admin/crawl", clock }, { signal, progress });
    deepEqual(counts, { ingested: 10 });
    deepEqual(shown, ["crawl x of 10 candles", "+0", "+4", "+6", "end"]);
    deepEqual(seen.map(({ line }) => line).slice(0, 2), [
      "POST /admin/crawl",
      "GET /admin/jobs/j%201",
    ]);
  });
});

for (
  const [title, answer, message, hint] of [
    [
      "a failure with its reason",
      jobAt(2, "failed", { error: "Cannot reach binance" }),
      "Job crawl failed: cannot reach binance",
      undefined,
    ],
    [
      "a stop, after which it goes on",
      jobAt(2, "stopped", { error: "The service is stopping" }),
      "Job crawl was stopped: The service is stopping",
      GO_ON,
    ],
    [
      "a restart, after which it goes on",
      failure(404, { code: "NOT_FOUND", message: "Cannot find job j" }),
      "The running installation was started anew meanwhile",
      GO_ON,
    ],
  ] as const
) {
  Deno.test(`followJob tells ${title}`, async () => {
    await withAnswers([data({ job_id: "j" }), answer], async ({ client, clock }) => {
      const work = { signal: new AbortController().signal, progress: silentProgress };
      const following = followJob(client, { path: "/admin/crawl", clock }, work);
      await rejects(following, (error: unknown) => {
        deepEqual(error instanceof AdapterError && [error.message, error.hint], [message, hint]);
        return true;
      });
    });
  });
}

Deno.test("followJob stops the job when it is stopped itself", async () => {
  const abort = new AbortController();
  const answers = [
    data({ job_id: "j" }),
    (stop: AbortController) => {
      stop.abort();
      return jobAt(1);
    },
    data({}),
  ];
  await withAnswers(answers, async ({ client, clock, seen }) => {
    const work = { signal: abort.signal, progress: silentProgress };
    await rejects(followJob(client, { path: "/admin/crawl", clock }, work));
    equal(seen.at(-1)?.line, "DELETE /admin/jobs/j");
  }, abort);
});
