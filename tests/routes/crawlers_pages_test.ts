import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseError } from "@/events/store/database.ts";
import { CRAWLERS_INLINE } from "@/routes/crawlers_inline.ts";
import { type AskOptions, openApp, type TestApp, TOKENS } from "@/tests/support/app.ts";
import {
  attemptOf,
  crawlerQueriesOf,
  crawlerTables,
  infoOf,
  recordOf,
  runOf,
} from "@/tests/support/crawler_tables.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const as = "admin" as const;
const NOW = Date.parse("2026-03-01T10:00:00Z");
const MINUTE = 60_000;
const PAGE = "/admin/crawlers";
const NASTY = `"><img src=x onerror=alert(1)><script>alert('&')</script>`;
const ESCAPED = "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;" +
  "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;";
const ANSWER = new TextEncoder().encode(NASTY);

const tables = crawlerTables({
  infos: [
    infoOf("openvlab"),
    infoOf("rongda", { missing: ["SOURCE_RONGDA_COOKIE"] }),
    infoOf("sina"),
  ],
  nextRuns: new Map([["sina", NOW + MINUTE]]),
  paused: new Map([["openvlab", { reason: NASTY, since: NOW }]]),
  records: [
    recordOf("openvlab", {
      ...{ lastSuccessAt: NOW - MINUTE, lastStatus: "succeeded", meanDurationMs: 65_000 },
      ...{ successRate24h: 0.9996, successRate7d: 1 },
    }),
  ],
});

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openFilled();
Deno.test.afterAll(async () => await (await opened)?.close());

async function openFilled(): Promise<TestApp> {
  const app = await openApp({ tables, clock: fakeClock(NOW) });
  const response = await app.house.blobs.put(ANSWER);
  tables.runs.push(
    runOf({
      ...{ runId: NASTY, source: NASTY, status: "failed", startedAt: NOW, finishedAt: NOW + 9_000 },
      ...{ errorClass: "Refused", errorMessage: NASTY, httpStatus: 418, retryOf: "before" },
      attempts: [attemptOf({ errorMessage: NASTY, response })],
    }),
    ...Array.from(
      { length: 25 },
      (_, i) => runOf({ runId: `sina-${i}`, source: "sina", startedAt: NOW - i * MINUTE }),
    ),
  );
  return app;
}

async function text(path: string, options: AskOptions = { as }): Promise<string> {
  const { ask } = await openOnce();
  return await (await ask("GET", path, options)).text();
}

const basic = (password: string) => ({
  headers: { authorization: `Basic ${btoa(`anyone:${password}`)}` },
});

Deno.test("crawlers page: without a token it is 401, a page to sign in that shows nothing of what there is", async () => {
  const { ask } = await openOnce();
  for (
    const path of [
      ...[PAGE, `${PAGE}/`, `${PAGE}?source=sina`, `${PAGE}/sina-1`, `${PAGE}/nothing`],
      `${PAGE}/sina-1/response`,
    ]
  ) {
    const response = await ask("GET", path);
    const page = await response.text();
    equal(response.status, 401, path);
    // A browser that is challenged asks by itself, over the page.
    equal(response.headers.get("www-authenticate"), null);
    match(page, /<form id="sign-in" hidden>/);
    ok(!/openvlab|sina-1|rongda/.test(page.replace(CRAWLERS_INLINE.script, "")), path);
  }
});

Deno.test("crawlers page: shows health and log to who sends the operator's token", async () => {
  const page = await text(PAGE);
  match(page, /<span class="state not_configured">not configured<\/span>/);
  match(page, /missing: SOURCE_RONGDA_COOKIE/);
  match(page, /<span class="state paused">paused<\/span>/);
  match(page, /title="2026-03-01 17:59:00 Asia\/Shanghai">2026-03-01 09:59:00<\/time>/);
  match(page, /99\.9 %<\/td>\s*<td class="number">100 %/);
  match(page, /1 min 5 s/);
  match(page, /href="\/admin\/crawlers\/sina-1">/);
  match(page, /26 runs, page 1 of 2/);
});

Deno.test("crawlers page: a browser without script signs in by HTTP", async () => {
  const { ask } = await openOnce();
  const asked = await ask("GET", `${PAGE}?login`);
  equal(asked.status, 401);
  match(asked.headers.get("www-authenticate") ?? "", /^Basic realm="/);
  await asked.body?.cancel();
  match(await text(`${PAGE}?login`, basic(TOKENS.admin)), /26 runs/);
  match(await text(`${PAGE}/sina-1`, basic(TOKENS.admin)), /Run sina-1/);
  const wrong = await ask("GET", PAGE, basic("guess"));
  equal(wrong.status, 401);
  match(wrong.headers.get("www-authenticate") ?? "", /^Basic /);
  match(await wrong.text(), /class="problem"/);
});

for (
  const [title, options, status] of [
    ["nobody's token", { as: "stranger" }, 401],
    ["a reader's token", { as: "reader" }, 403],
    ["a writer's token as password", basic(TOKENS.writer), 403],
  ] as const
) {
  Deno.test(`crawlers page: ${title} is ${status}, and nothing is shown`, async () => {
    const { ask } = await openOnce();
    for (const path of [PAGE, `${PAGE}/sina-1`, `${PAGE}/sina-1/response`]) {
      const response = await ask("GET", path, options);
      equal(response.status, status, path);
      ok(!/openvlab|rongda/.test(await response.text()), path);
    }
  });
}

for (const header of ["Digest x", "Basic %%%", `Basic ${btoa("no colon")}`, "Bearer", "?"]) {
  Deno.test(`crawlers page: "${header}" is as good as no token`, async () => {
    const { ask } = await openOnce();
    const response = await ask("GET", PAGE, { headers: { authorization: header } });
    deepEqual([response.status, response.headers.get("www-authenticate")], [401, null]);
    match(await response.text(), /Sign in to see/);
  });
}

Deno.test("crawlers page: a password opens the pages alone, it starts and pauses nothing", async () => {
  const { json } = await openOnce();
  for (const action of ["run", "pause", "resume"]) {
    const { status } = await json("POST", `/admin/crawler/sina/${action}`, basic(TOKENS.admin));
    equal(status, 401, action);
  }
  deepEqual(tables.done, []);
});

Deno.test("crawlers page: foreign text is never markup", async () => {
  for (const path of [PAGE, `${PAGE}/${encodeURIComponent(NASTY)}`]) {
    const page = (await text(path)).replace(CRAWLERS_INLINE.script, "");
    ok(page.includes(ESCAPED), path);
    ok(!page.includes("<img"), path);
    equal(page.match(/<script/g)?.length, 1, path);
  }
  const filtered = await text(`${PAGE}?q=${encodeURIComponent(NASTY)}`);
  ok(filtered.includes(`name="q" value="${ESCAPED}"`));
  ok(!filtered.includes("<img"));
});

Deno.test("crawlers page: filters come from the address and stay in the form and the links", async () => {
  const page = await text(`${PAGE}?source=sina&status=&from=2026-03-01&to=&q=SINA&size=10&page=2`);
  match(page, /<option value="sina" selected>/);
  match(page, /name="from" value="2026-03-01"/);
  match(page, /25 runs, page 2 of 3/);
  const query = "source=sina&amp;from=2026-03-01&amp;q=SINA&amp;size=10&amp;page=";
  ok(page.includes(`href="/admin/crawlers?${query}1">newer`));
  ok(page.includes(`href="/admin/crawlers?${query}3">older`));
  match(await text(`${PAGE}?source=gone`), /<option value="gone" selected>/);
});

for (const query of ["status=done", "from=x", "size=1000", "what=1"]) {
  Deno.test(`crawlers page: ?${query} is 422, as a page that says why`, async () => {
    const { ask } = await openOnce();
    const response = await ask("GET", `${PAGE}?${query}`, { as });
    equal(response.status, 422);
    match(response.headers.get("content-type") ?? "", /^text\/html/);
    match(await response.text(), /class="problem">Cannot accept the query/);
  });
}

Deno.test("run page: shows every attempt, and 404 for an unknown run", async () => {
  const { ask } = await openOnce();
  const page = await text(`${PAGE}/${encodeURIComponent(NASTY)}`);
  match(page, /HTTP 418/);
  match(page, /<a href="\/admin\/crawlers\/before">before<\/a>/);
  match(page, new RegExp(`response\\?attempt=1" data-file="answer-1.bin">${ANSWER.length} B</a>`));
  const unknown = await ask("GET", `${PAGE}/nothing`, { as });
  equal(unknown.status, 404);
  match(await unknown.text(), /Cannot find run nothing/);
});

Deno.test("run page: what was answered is saved, never shown, for a password, too", async () => {
  const { ask } = await openOnce();
  const path = `${PAGE}/${encodeURIComponent(NASTY)}/response?attempt=1`;
  for (const options of [{ as }, basic(TOKENS.admin)]) {
    const response = await ask("GET", path, options);
    deepEqual(await response.bytes(), ANSWER);
    equal(response.headers.get("content-type"), "application/octet-stream");
    match(response.headers.get("content-disposition") ?? "", /^attachment/);
    match(response.headers.get("content-security-policy") ?? "", /sandbox/);
  }
});

Deno.test("crawlers page: loads and runs only what its policy names", async () => {
  const { ask } = await openOnce();
  for (const options of [{}, { as }] as const) {
    const response = await ask("GET", PAGE, options);
    const page = await response.text();
    const policy = response.headers.get("content-security-policy") ?? "";
    for (const kind of ["style", "script"] as const) {
      const [, inner = ""] = new RegExp(`<${kind}[^>]*>([\\s\\S]*?)</${kind}>`).exec(page) ?? [];
      const hash = createHash("sha256").update(inner).digest("base64");
      ok(policy.includes(`${kind}-src 'sha256-${hash}'`), kind);
    }
    match(policy, /^default-src 'none';.*form-action 'self'; frame-ancestors 'none'$/);
    equal(/\b(src|href)="(https?:)?\/\//.test(page), false);
    equal(/ on[a-z]+="|style="|javascript:/.test(page), false);
  }
});

Deno.test("crawlers page: its script parses, and makes no markup out of text", () => {
  new Function(CRAWLERS_INLINE.script);
  ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/.test(CRAWLERS_INLINE.script));
});

Deno.test("crawlers page: says where candles are made up, and tells of what fails as a page", async () => {
  const app = await openApp({
    settings: { simulated: true },
    crawlerQueries: {
      ...crawlerQueriesOf(tables),
      records: () => Promise.reject(new DatabaseError("gone", { sqlstate: "08006" })),
    },
  });
  try {
    const response = await app.ask("GET", PAGE, { as });
    const page = await response.text();
    deepEqual([response.status, response.headers.get("retry-after")], [503, "5"]);
    match(page, /class="simulated">Simulated candles/);
    match(page, /class="problem">A part of the service cannot be reached/);
  } finally {
    await app.close();
  }
});

Deno.test("the page of the crawlers tells that the trading calendar ends, once it is near", async () => {
  for (const [day, isTold] of [["2026-10-31", false], ["2026-11-01", true]] as const) {
    const app = await openApp({ clock: fakeClock(Date.parse(`${day}T10:00:00+08:00`)) });
    const text = await (await app.ask("GET", PAGE, { as })).text();
    equal(text.includes("The trading calendar is known until 2026-12-31"), isTold, day);
    await app.close();
  }
});
