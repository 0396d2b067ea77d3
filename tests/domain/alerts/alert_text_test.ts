import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { alertText, type TextOptions } from "@/domain/alerts/alert_text.ts";
import { composeMessage } from "@/domain/alerts/compose.ts";
import { alertEvents } from "@/events/catalog/alert.ts";
import { ALERT_AT, alertedFailure, raisedAlert } from "../../support/raised_alerts.ts";

const chinese: TextOptions = {
  ...{ language: "zh", timeZone: "Asia/Shanghai" },
  linkTo: (runId) => `http://127.0.0.1:8000/admin/crawler/runs/${runId}`,
};
const english: TextOptions = { ...chinese, language: "en" };
const HOUR = 3_600_000;
const failures = [
  alertedFailure({ runId: "run-2", finishedAt: ALERT_AT }),
  alertedFailure({ runId: "run-3", finishedAt: ALERT_AT + HOUR, errorClass: "Timeout" }),
  alertedFailure({ runId: "run-4", finishedAt: ALERT_AT + 2 * HOUR, httpStatus: null }),
];
const digest = raisedAlert({
  ...{ kind: "digest", failures },
  failing: { since: ALERT_AT - HOUR, runs: 4 },
});
const recovery = raisedAlert({
  ...{ kind: "recovery", failures: [], failing: { since: ALERT_AT, runs: 4 } },
  recovery: { runId: "run-9", at: ALERT_AT + HOUR + 300_000 },
});

Deno.test("alert of a failure says source, time, attempts, error, status and run in Chinese", () => {
  deepEqual(alertText(raisedAlert(), chinese), {
    title: "【失败】openvlab 抓取失败",
    markdown: [
      "- **来源** openvlab",
      "- **时间** 2026-03-01 17:30:05 (Asia/Shanghai)",
      "- **尝试次数** 4",
      "- **错误类型** ServerError（服务器错误）",
      "- **错误信息** Cannot ask openvlab: it answered HTTP 503",
      "- **HTTP 状态** 503",
      "- **运行详情** [run-1](http://127.0.0.1:8000/admin/crawler/runs/run-1)",
    ].join("\n"),
  });
});

Deno.test("alert of a failure says the same in English", () => {
  deepEqual(alertText(raisedAlert(), english), {
    title: "[FAILED] openvlab could not be crawled",
    markdown: [
      "- **Source** openvlab",
      "- **Time** 2026-03-01 17:30:05 (Asia/Shanghai)",
      "- **Attempts** 4",
      "- **Error** ServerError",
      "- **Message** Cannot ask openvlab: it answered HTTP 503",
      "- **HTTP status** 503",
      "- **Run** [run-1](http://127.0.0.1:8000/admin/crawler/runs/run-1)",
    ].join("\n"),
  });
});

Deno.test("alert of another failure says since when the source fails", () => {
  const again = raisedAlert({ failing: { since: ALERT_AT - HOUR, runs: 7 } });
  const { title, markdown } = alertText(again, english);
  equal(title, "[STILL FAILING] openvlab failed 1 more time");
  match(markdown, /\*\*Failing since\*\* 2026-03-01 16:30:05/);
  match(markdown, /\*\*Failed runs\*\* 7/);
});

Deno.test("alert of a crash says that nothing is known, in both languages", () => {
  const crash = alertedFailure({
    ...{ status: "crashed", errorClass: "Crashed", errorMessage: "", httpStatus: null },
  });
  const alert = raisedAlert({ failures: [crash] });
  match(
    alertText(alert, chinese).markdown,
    /Crashed（进程中断）[^]*运行进程已消失[^]*HTTP 状态\*\* -/,
  );
  match(alertText(alert, english).markdown, /its process is gone/);
});

Deno.test("digest counts the failures by error and lists the runs", () => {
  deepEqual(alertText(digest, chinese), {
    title: "【持续失败】openvlab 又失败 3 次",
    markdown: [
      "- **来源** openvlab",
      "- **开始失败** 2026-03-01 16:30:05 (Asia/Shanghai)",
      "- **累计失败** 4 次",
      "- **错误分布** ServerError（服务器错误） × 2, Timeout（超时） × 1",
      "- 2026-03-01 17:30:05 ServerError 503 [run-2](http://127.0.0.1:8000/admin/crawler/runs/run-2)",
      "- 2026-03-01 18:30:05 Timeout 503 [run-3](http://127.0.0.1:8000/admin/crawler/runs/run-3)",
      "- 2026-03-01 19:30:05 ServerError [run-4](http://127.0.0.1:8000/admin/crawler/runs/run-4)",
      "- **最近一次** Cannot ask openvlab: it answered HTTP 503",
    ].join("\n"),
  });
});

Deno.test("digest of many failures lists the newest ten and says how many more there are", () => {
  const many = Array.from({ length: 25 }, (_, i) => alertedFailure({ runId: `run-${i}` }));
  const { markdown } = alertText({ ...digest, failures: many }, english);
  equal(markdown.match(/\[run-\d+\]/g)?.length, 10);
  match(markdown, /\[run-24\]/);
  match(markdown, /^- 15 more, see the log of runs$/m);
});

Deno.test("recovery says since when, how often and how long it failed", () => {
  const { title, markdown } = alertText(recovery, chinese);
  equal(title, "【恢复】openvlab 已恢复正常");
  match(markdown, /\*\*恢复时间\*\* 2026-03-01 18:35:05/);
  match(markdown, /\*\*累计失败\*\* 4 次/);
  match(markdown, /\*\*持续时间\*\* 1 小时 5 分/);
  equal(alertText(recovery, english).title, "[RECOVERED] openvlab works again");
});

Deno.test("recovery tells the failures that nobody had been told of", () => {
  const { markdown } = alertText({ ...recovery, failures }, english);
  match(markdown, /Failures not told one by one: 3/);
  equal(markdown.match(/\[run-[234]\]/g)?.length, 3);
});

Deno.test("report is told as it was written, in whatever language", () => {
  const text = { title: "Daily report", markdown: "fine" };
  equal(alertText(raisedAlert({ kind: "report", text }), chinese), text);
});

Deno.test("alert texts neither mention anybody nor draw links of foreign messages", () => {
  const errorMessage = "<@all> [click](http://evil)\n# now `x` <!channel>\u0000\u001b[31m";
  const { markdown } = alertText(
    raisedAlert({ failures: [alertedFailure({ errorMessage })] }),
    english,
  );
  equal(markdown.split("\n").length, 7);
  match(markdown, /＜@all＞ ［click］\(http:\/\/evil\) # now 'x' ＜!channel＞ ［31m/);
});

Deno.test("every alert that the log accepts has a text of at least its source and at most 8 kB", () => {
  const messages = fc.string({ unit: "grapheme", maxLength: 200 });
  const failed = fc.record({
    errorMessage: messages,
    errorClass: fc.constantFrom("Timeout", "New", "toString"),
    httpStatus: fc.option(fc.integer({ min: 100, max: 599 })),
    status: fc.constantFrom("failed", "timed_out", "crashed"),
  }).map(alertedFailure);
  const language = fc.constantFrom(chinese, english);
  fc.assert(fc.property(
    fc.array(failed, { maxLength: 40 }),
    fc.boolean(),
    language,
    (failures, back, options) => {
      const alert = raisedAlert({
        failures,
        recovery: back || failures.length === 0 ? { runId: "run-9", at: ALERT_AT } : null,
      });
      alertEvents.AlertRaised.parse(alert);
      const { title, markdown } = alertText(alert, options);
      match(title, /openvlab/);
      match(markdown, /openvlab/);
      ok(new TextEncoder().encode(markdown).length < 8_000);
      ok(!/undefined|null|NaN|\[object|function/.test(markdown));
    },
  ));
});

Deno.test("a message of one alert is its text", () => {
  const message = composeMessage([raisedAlert()], { ...chinese, maxMarkdownBytes: 10 });
  const { title, markdown } = alertText(raisedAlert(), chinese);
  deepEqual(message, { title, markdown, alerts: [raisedAlert()] });
});

Deno.test("a message of no alerts is none", () => {
  equal(composeMessage([], { ...chinese, maxMarkdownBytes: 4_000 }), undefined);
});

Deno.test("a message of several alerts tells each under its title", () => {
  const message = composeMessage([raisedAlert(), recovery], {
    ...english,
    maxMarkdownBytes: 4_000,
  });
  equal(message?.title, "2 alerts");
  match(message?.markdown ?? "", /^\*\*\[FAILED\].*\n- [^]*\n\n\*\*\[RECOVERED\]/);
});

Deno.test("a message leaves for the next what it does not hold whole", () => {
  const alerts = Array.from({ length: 40 }, (_, i) => raisedAlert({ alertId: `alert-${i}` }));
  let left = alerts;
  const sizes: number[] = [];
  while (left.length > 0) {
    const message = composeMessage(left, { ...chinese, maxMarkdownBytes: 3_900 });
    ok(message !== undefined);
    ok(new TextEncoder().encode(message.markdown).length <= 3_900);
    deepEqual(message.alerts, left.slice(0, message.alerts.length));
    equal(message.markdown.split("**【失败】").length - 1, message.alerts.length);
    sizes.push(message.alerts.length);
    left = left.slice(message.alerts.length);
  }
  ok((sizes[0] ?? 0) >= 8, sizes.join(" "));
});

Deno.test("a message ends before the first alert that it does not hold, also where a later one would fit", () => {
  const wide = raisedAlert({ failures: [alertedFailure({ errorMessage: "x".repeat(400) })] });
  const alerts = [raisedAlert(), { ...wide, alertId: "alert-2" }, recovery];
  const together = composeMessage([raisedAlert(), recovery], {
    ...english,
    maxMarkdownBytes: 4_000,
  });
  const maxMarkdownBytes = together?.markdown.length ?? 0;
  deepEqual(composeMessage(alerts, { ...english, maxMarkdownBytes })?.alerts, [raisedAlert()]);
});

Deno.test("alert of failures between which it worked says why they are told together", () => {
  const inTurn = { ...recovery, failures, failing: { since: ALERT_AT, runs: 1 } };
  match(alertText(inTurn, english).markdown, /^- It fails and recovers in turn/m);
  match(
    alertText({ ...inTurn, kind: "digest", recovery: null }, chinese).markdown,
    /^- 反复失败又恢复/m,
  );
  for (const plain of [digest, recovery, raisedAlert()]) {
    ok(!alertText(plain, english).markdown.includes("in turn"));
  }
});
