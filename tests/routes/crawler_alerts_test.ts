import { deepEqual, equal, match } from "node:assert/strict";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { crawlerTables } from "@/tests/support/crawler_tables.ts";
import { ALERT_AT, alertedFailure, raisedAlert } from "@/tests/support/raised_alerts.ts";

const as = "admin" as const;
const PATH = "/admin/crawler/alerts";

const sent = { status: "sent", at: ALERT_AT, attempt: 1, error: null, retryAt: null } as const;
const failing = {
  status: "failing",
  at: ALERT_AT + 1_000,
  attempt: 4,
  error: "errcode 310000",
  retryAt: ALERT_AT + 61_000,
} as const;

const tables = crawlerTables({
  alerts: [
    {
      alert: raisedAlert({ failures: [alertedFailure({ httpStatus: null })] }),
      deliveries: { dingtalk: failing, removed: failing },
    },
    { alert: raisedAlert({ alertId: "told" }), deliveries: { dingtalk: sent, wecom: sent } },
    {
      alert: raisedAlert({
        ...{ alertId: "back", kind: "recovery", failures: [] },
        recovery: { runId: "run-2", at: ALERT_AT + 5 },
      }),
      deliveries: { wecom: sent },
    },
    {
      alert: raisedAlert({
        ...{ alertId: "day", kind: "report", source: "daily", failures: [], failing: null },
        text: { title: "A day", markdown: "# A day" },
      }),
      deliveries: {},
    },
  ],
});

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp({ tables, alertChannels: ["dingtalk", "wecom"] });
Deno.test.afterAll(async () => await (await opened)?.close());

Deno.test("GET alerts: lists those that a channel has not taken, and how each channel stands", async () => {
  const { json } = await openOnce();
  const { status, data, ...rest } = await json("GET", `${PATH}?undelivered=true`, { as });
  equal(status, 200);
  deepEqual(data.map(({ alert_id }: { alert_id: string }) => alert_id), [
    ...["alert-1", "back", "day"],
  ]);
  equal(Reflect.get(rest, "pagination").total, 3);
  deepEqual(data[0], {
    ...{ alert_id: "alert-1", kind: "failure", source: "openvlab" },
    raised_at: "2026-03-01T09:30:05.000Z",
    failures: [{
      ...{ run_id: "run-1", status: "failed", finished_at: "2026-03-01T09:30:05.000Z" },
      ...{ attempts: 4, error_class: "ServerError", http_status: null },
      error_message: "Cannot ask openvlab: it answered HTTP 503",
    }],
    failing: { since: "2026-03-01T09:30:05.000Z", runs: 1 },
    ...{ recovery: null, text: null },
    deliveries: [
      {
        ...{ channel: "dingtalk", status: "failing", at: "2026-03-01T09:30:06.000Z", attempt: 4 },
        ...{ error: "errcode 310000", retry_at: "2026-03-01T09:31:06.000Z" },
      },
      {
        ...{ channel: "wecom", status: "waiting", at: null, attempt: 0, error: null },
        retry_at: null,
      },
    ],
  });
});

Deno.test("GET alerts: tells of recoveries and reports, too", async () => {
  const { json } = await openOnce();
  const { data: [, back, day] } = await json("GET", PATH, { as });
  deepEqual(back.recovery, { run_id: "run-2", at: "2026-03-01T09:30:05.005Z" });
  deepEqual(back.deliveries.map(({ status }: { status: string }) => status), ["waiting", "sent"]);
  deepEqual([day.text, day.failing], [{ title: "A day", markdown: "# A day" }, null]);
});

Deno.test("GET alerts: shows what was given up, and only the channels that it was for", async () => {
  const givenUp = { ...failing, status: "given_up", retryAt: null } as const;
  const app = await openApp({
    tables: crawlerTables({
      alerts: [
        {
          alert: raisedAlert({ alertId: "late", raisedAt: ALERT_AT + 1, channels: ["dingtalk"] }),
          deliveries: {},
        },
        {
          alert: raisedAlert({ alertId: "bad", channels: ["wecom"] }),
          deliveries: { wecom: givenUp },
        },
        { alert: raisedAlert({ alertId: "before", channels: [] }), deliveries: {} },
      ],
    }),
    alertChannels: ["dingtalk", "wecom"],
  });
  try {
    const { data } = await app.json("GET", PATH, { as });
    deepEqual(data.map(({ alert_id }: { alert_id: string }) => alert_id), ["bad", "late"]);
    deepEqual(data[0].deliveries, [{
      ...{ channel: "wecom", status: "given_up", at: "2026-03-01T09:30:06.000Z", attempt: 4 },
      ...{ error: "errcode 310000", retry_at: null },
    }]);
    deepEqual(data[1].deliveries.map(({ channel }: { channel: string }) => channel), ["dingtalk"]);
    const page = await (await app.ask("GET", "/admin/crawlers", { as })).text();
    match(page, /<h2>Alerts not delivered<\/h2>/);
    match(page, /<td>wecom<\/td>\s*<td><span class="state given_up">given up<\/span>/);
    match(page, /<td>dingtalk<\/td>\s*<td><span class="state waiting">waiting<\/span>/);
    equal(page.match(/errcode 310000/g)?.length, 1);
  } finally {
    await app.close();
  }
});

Deno.test("GET alerts: comes in pages", async () => {
  const { json } = await openOnce();
  const { data, ...rest } = await json("GET", `${PATH}?page=2&size=2`, { as });
  deepEqual(data.map(({ alert_id }: { alert_id: string }) => alert_id), ["day"]);
  deepEqual(Reflect.get(rest, "pagination"), {
    ...{ page: 2, size: 2, total: 3, pages: 2, has_next: false, has_prev: true },
  });
});

for (const query of ["undelivered=false", "undelivered=", "size=101", "channel=dingtalk"]) {
  Deno.test(`GET alerts: ?${query} is 422`, async () => {
    const { json } = await openOnce();
    equal((await json("GET", `${PATH}?${query}`, { as })).status, 422);
  });
}
