import { deepEqual, equal, match } from "node:assert/strict";
import fc from "fast-check";
import { prefers } from "@/routes/negotiate.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";

const as = "admin" as const;
/** 2026-03-02 01:00 in Shanghai. */
const NOW = Date.parse("2026-03-01T17:00:00Z");
const MARKDOWN = "# 2026-03-01\n\n- openvlab: 18 次, 100 %\n";
const REPORTS = [
  { date: "2026-03-01", title: "A day", markdown: MARKDOWN, raisedAt: NOW, isOver: true },
  { date: "2026-03-02", title: "Not over", markdown: "", raisedAt: null, isOver: false },
];

let opened: Promise<TestApp> | undefined;
const openOnce = () =>
  opened ??= openApp({
    clock: fakeClock(NOW),
    dailyReport: (date) => Promise.resolve(REPORTS.find((one) => one.date === date)),
  });
Deno.test.afterAll(async () => await (await opened)?.close());

const PATH = "/admin/reports/daily";

Deno.test("GET daily report: is JSON that holds the markdown", async () => {
  const { json } = await openOnce();
  const { status, data, headers } = await json("GET", `${PATH}/2026-03-01`, { as });
  equal(status, 200);
  deepEqual(data, {
    ...{ date: "2026-03-01", title: "A day", markdown: MARKDOWN },
    ...{ is_over: true, raised_at: "2026-03-01T17:00:00.000Z" },
  });
  match(headers.get("vary") ?? "", /accept(,|$)/);
});

Deno.test("GET daily report: is plain markdown for who asks for it", async () => {
  const { ask } = await openOnce();
  const headers = { accept: "text/markdown, application/json;q=0.5" };
  const response = await ask("GET", `${PATH}/2026-03-01`, { as, headers });
  deepEqual([response.status, await response.text()], [200, MARKDOWN]);
  equal(response.headers.get("content-type"), "text/markdown; charset=utf-8");
});

Deno.test("GET daily report: today is today where the installation is, also before it was told", async () => {
  const { json } = await openOnce();
  const { status, data } = await json("GET", `${PATH}/2026-03-02`, { as });
  deepEqual([status, data.raised_at, data.is_over], [200, null, false]);
});

for (
  const [date, status] of [
    ...[["2026-02-28", 404], ["2026-03-03", 404], ["2026-02-30", 422]] as const,
    ...[["yesterday", 422], ["20260301", 422], ["2026-3-1", 422], ["9999-12-31", 404]] as const,
    ...[["2026-03-01T00:00:00Z", 422], ["%00", 404], ["0000-00-00", 422]] as const,
  ]
) {
  Deno.test(`GET daily report: of ${date} is ${status}`, async () => {
    const { json } = await openOnce();
    const { status: found, error } = await json("GET", `${PATH}/${date}`, { as });
    deepEqual([found, error.field], [status, status === 422 ? "date" : undefined]);
  });
}

Deno.test("GET daily report: is the operator's alone", async () => {
  const { json } = await openOnce();
  for (const actor of ["guest", "stranger", "reader", "writer"] as const) {
    const expected = actor === "guest" || actor === "stranger" ? 401 : 403;
    equal((await json("GET", `${PATH}/2026-03-01`, { as: actor })).status, expected, actor);
  }
});

for (
  const [accept, expected] of [
    ...[["text/markdown", true], ["TEXT/Markdown", true], ["text/*", true]] as const,
    ...[["*/*", false], ["application/json", false], ["", false], ["text/html", false]] as const,
    ...[["application/json, text/markdown", false], ["text/markdown;q=0", false]] as const,
    ...[["text/markdown, */*;q=0.1", true], ["*/*, text/markdown;q=0.9", false]] as const,
    ...[["text/markdown;q=x", false], ["application/json;q=0.2,text/*;q=0.3", true]] as const,
  ]
) {
  Deno.test(`prefers: Accept "${accept}" ${expected ? "wants" : "does not want"} markdown`, () => {
    equal(prefers(accept, "text/markdown", "application/json"), expected);
  });
}

Deno.test("prefers: any header is answered, and none prefers a type to itself", () => {
  fc.assert(fc.property(fc.string(), (header) => {
    equal(prefers(header, "text/markdown", "text/markdown"), false);
  }));
  equal(prefers(undefined, "text/markdown", "application/json"), false);
});
