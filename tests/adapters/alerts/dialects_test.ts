import assert from "node:assert/strict";
import { openAlertChannel } from "@/adapters/alerts/channel.ts";
import { dingtalk } from "@/adapters/alerts/dingtalk.ts";
import { feishu } from "@/adapters/alerts/feishu.ts";
import { slack } from "@/adapters/alerts/slack.ts";
import { webhook } from "@/adapters/alerts/webhook.ts";
import { wecom } from "@/adapters/alerts/wecom.ts";
import type { AlertMessage } from "@/domain/ports/alert_channel.ts";
import { parseAlertUrl } from "@/domain/ports/alert_target.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { raisedAlert } from "@/tests/support/raised_alerts.ts";

const AT = 1_599_360_473_000;
const message: AlertMessage = { title: "Title", markdown: "- a", alerts: [] };
const draft = (dialect: typeof dingtalk, url: string, more: Partial<AlertMessage> = {}) =>
  dialect.draft({ ...message, ...more }, { target: parseAlertUrl(url), at: AT });

// The expected signatures were made with openssl, not with this code.
Deno.test("DingTalk's message is signed in the URL", () => {
  const { url, body } = draft(dingtalk, "dingtalk://tok?secret=SEC123");
  const { searchParams } = new URL(url);
  assert.equal(searchParams.get("access_token"), "tok");
  assert.equal(searchParams.get("timestamp"), "1599360473000");
  assert.equal(searchParams.get("sign"), "CJZXDPkcvkc8JitAy5/ib6OAhntAOvAnBpnQsV7QhAU=");
  assert.match(url, /sign=[\w%.-]+$/);
  assert.deepEqual(JSON.parse(body("- a")), {
    msgtype: "markdown",
    markdown: { title: "Title", text: "### Title\n\n- a" },
  });
});

Deno.test("Feishu's message is signed in the body, by the second", () => {
  const { url, body } = draft(feishu, "feishu://tok?secret=SEC123");
  assert.equal(url, "https://open.feishu.cn/open-apis/bot/v2/hook/tok");
  const { timestamp, sign, msg_type: type } = JSON.parse(body("- a"));
  assert.deepEqual([timestamp, sign, type], [
    "1599360473",
    "40C9JaJl6dtr1NAtKG/LRejFpoLEpOOl5LPCv14+P+I=",
    "interactive",
  ]);
});

Deno.test("WeCom's message is markdown with the title as its heading", () => {
  const { url, body } = draft(wecom, "wecom://key");
  assert.equal(url, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=key");
  assert.deepEqual(JSON.parse(body("- a")), {
    msgtype: "markdown",
    markdown: { content: "### Title\n- a" },
  });
});

Deno.test("Slack's message is written in Slack's own marks", () => {
  const { body } = draft(slack, "slack+https://hooks.slack.com/services/x", { title: "A & B" });
  const markdown = "## Runs\n- **Run** [run-1](http://h/r?a=1&b=2)\n- 1 < 2 [x] (y)";
  assert.deepEqual(JSON.parse(body(markdown)), {
    text: "*A &amp; B*\n*Runs*\n• *Run* <http://h/r?a=1&amp;b=2|run-1>\n• 1 &lt; 2 [x] (y)",
  });
});

Deno.test("a webhook gets the alerts in snake case and its body signed", () => {
  const alert = raisedAlert({ recovery: { runId: "run-9", at: AT } });
  const { body, headers } = draft(webhook, "https://h/?secret=SEC123", { alerts: [alert] });
  const sent = body("- a");
  assert.deepEqual(JSON.parse(sent), {
    ...{ title: "Title", text: "- a", sent_at: "2020-09-06T02:47:53.000Z" },
    alerts: [{
      ...{ alert_id: "alert-1", kind: "failure", source: "openvlab" },
      raised_at: "2026-03-01T09:30:05.000Z",
      failures: [{
        ...{ run_id: "run-1", status: "failed", finished_at: "2026-03-01T09:30:05.000Z" },
        ...{ attempts: 4, error_class: "ServerError", http_status: 503 },
        error_message: "Cannot ask openvlab: it answered HTTP 503",
      }],
      failing: { since: "2026-03-01T09:30:05.000Z", runs: 1 },
      recovery: { run_id: "run-9", at: "2020-09-06T02:47:53.000Z" },
    }],
  });
  assert.deepEqual(headers?.("hello"), {
    "x-signature": "sha256=487fc3444ab177337ab77808aee4afa877f5afed9052f1558a447c4f0b2c9aa6",
  });
});

Deno.test("a webhook without a secret is not signed", () => {
  assert.deepEqual(draft(webhook, "https://h/").headers?.("hello"), {});
});

const ANSWERS: readonly [dialect: typeof dingtalk, text: string, kind: string | undefined][] = [
  [dingtalk, '{"errcode":0,"errmsg":"ok"}', undefined],
  [dingtalk, '{"errcode":"0"}', undefined],
  [dingtalk, '{"errcode":310000,"errmsg":"keywords not in content"}', "unwanted"],
  [dingtalk, '{"errcode":-1,"errmsg":"系统繁忙"}', "busy"],
  [dingtalk, '{"errcode":777,"errmsg":"send too fast"}', "too_many"],
  [dingtalk, '{"errcode":"none"}', "unwanted"],
  [dingtalk, "{}", "busy"],
  [wecom, '{"errcode":45009,"errmsg":"x"}', "too_many"],
  [wecom, '{"errcode":93000,"errmsg":"invalid webhook url"}', "unwanted"],
  [wecom, "[]", "busy"],
  [feishu, '{"StatusCode":0,"StatusMessage":"success"}', undefined],
  [feishu, '{"code":0,"msg":"success","data":{}}', undefined],
  [feishu, '{"code":19024,"msg":"Key Words Not Found"}', "unwanted"],
  [feishu, '{"StatusCode":0,"code":19001,"msg":"param invalid"}', "unwanted"],
  [feishu, '{"code":0,"StatusCode":19001,"StatusMessage":"param invalid"}', "unwanted"],
  [feishu, '{"code":9499,"msg":"too many request"}', "too_many"],
  [slack, "ok", undefined],
  [slack, '{"success":true}', undefined],
  [slack, "<!doctype html><p>Sign in</p>", "busy"],
  [slack, '{"ok":false,"error":"invalid_auth"}', "unwanted"],
  [slack, '{"success":false}', "unwanted"],
  [webhook, "", undefined],
  [webhook, '{"errcode":0}', undefined],
  [webhook, '{"errcode":5,"errmsg":"no"}', "unwanted"],
];

for (const [dialect, text, kind] of ANSWERS) {
  const names = { dingtalk, wecom, feishu, slack, webhook };
  const [name] = Object.entries(names).find(([, one]) => one === dialect) ?? [];
  Deno.test(`${name} takes the answer "${text}" for ${kind ?? "a success"}`, () => {
    const json = text.startsWith("{") || text.startsWith("[") ? { ...JSON.parse(text) } : undefined;
    assert.equal(dialect.complaint({ text, json })?.kind, kind);
  });
}

Deno.test("robots are spoken to as seldom as they want, and left alone for as long as they are silent", () => {
  const minute = 60_000;
  assert.deepEqual(
    [dingtalk, wecom, feishu].map(({ windows, blockedMs }) => [windows, blockedMs]),
    [
      [[{ most: 20, ms: minute }], 10 * minute],
      [[{ most: 20, ms: minute }], minute],
      [[{ most: 100, ms: minute }, { most: 5, ms: 1_000 }], minute],
    ],
  );
});

Deno.test("a channel's name tells robots apart, survives a new secret and shows neither", () => {
  const name = (url: string) => {
    const channel = openAlertChannel(parseAlertUrl(url), { clock: fakeClock(AT) });
    channel.close();
    return channel.name;
  };
  assert.match(name("dingtalk://token-1?secret=a"), /^dingtalk-[0-9a-f]{8}$/);
  assert.equal(name("dingtalk://token-1?secret=a"), name("dingtalk://token-1?secret=b"));
  assert.notEqual(name("dingtalk://token-1"), name("dingtalk://token-2"));
  assert.equal(name("https://h/x?secret=a"), name("https://h/x?secret=b"));
  assert.notEqual(name("https://h/x"), name("slack+https://h/x"));
});
