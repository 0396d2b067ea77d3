import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@/domain/decider.ts";
import { type AlertTarget, parseAlertUrl } from "@/domain/ports/alert_target.ts";

const UUID = "a1b2c3d4-0000-4000-8000-ABCDEF012345";

const GOOD: readonly [text: string, target: AlertTarget][] = [
  ["dingtalk://AbC_-9?secret=SECx", {
    kind: "dingtalk",
    url: "https://oapi.dingtalk.com/robot/send?access_token=AbC_-9",
    secret: "SECx",
  }],
  ["DingTalk://AbC_-9", {
    kind: "dingtalk",
    url: "https://oapi.dingtalk.com/robot/send?access_token=AbC_-9",
    secret: undefined,
  }],
  [`wecom://${UUID}/`, {
    kind: "wecom",
    url: `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${UUID}`,
    secret: undefined,
  }],
  [`feishu://${UUID}?secret=a+b/c=`, {
    kind: "feishu",
    url: `https://open.feishu.cn/open-apis/bot/v2/hook/${UUID}`,
    secret: "a+b/c=",
  }],
  [`feishu://${UUID}?base=https://open.larksuite.com`, {
    kind: "feishu",
    url: `https://open.larksuite.com/open-apis/bot/v2/hook/${UUID}`,
    secret: undefined,
  }],
  ["dingtalk://t?base=http%3A%2F%2F127.0.0.1%3A9%2Fproxy%2F&secret=a%26b", {
    kind: "dingtalk",
    url: "http://127.0.0.1:9/proxy/robot/send?access_token=t",
    secret: "a&b",
  }],
  ["dingtalk://t?base=http://127.0.0.1:9/robot/send", {
    kind: "dingtalk",
    url: "http://127.0.0.1:9/robot/send?access_token=t",
    secret: undefined,
  }],
  ["feishu://t?base=http://127.0.0.1:9/open-apis/bot/v2/hook/", {
    kind: "feishu",
    url: "http://127.0.0.1:9/open-apis/bot/v2/hook/t",
    secret: undefined,
  }],
  ["slack+https://hooks.slack.com/services/T0/B0/x", {
    kind: "slack",
    url: "https://hooks.slack.com/services/T0/B0/x",
    secret: undefined,
  }],
  [" https://example.com/hook?room=1&secret=s%2B1&key=2#top ", {
    kind: "webhook",
    url: "https://example.com/hook?room=1&key=2",
    secret: "s+1",
  }],
  ["http://127.0.0.1:8080", { kind: "webhook", url: "http://127.0.0.1:8080/", secret: undefined }],
];

for (const [text, target] of GOOD) {
  Deno.test(`alert URL ${text} is understood`, () => deepEqual(parseAlertUrl(text), target));
}

const BAD: readonly [text: string, says: RegExp][] = [
  ["", /a text without :\/\/ is not understood/],
  ["hunter2hunter2", /a text without :\/\/ is not understood, expected dingtalk:/],
  ["telegram://hunter2", /^telegram:\/\/… is not understood, expected dingtalk:/],
  ["dingtalk://", /^dingtalk:\/\/… has no token/],
  ["dingtalk://?secret=hunter2", /has no token, expected dingtalk:\/\/<token>/],
  ["dingtalk://hunter2/hunter2", /has no token/],
  ["dingtalk://t?secret=", /has an empty secret/],
  ["dingtalk://t?secert=hunter2", /has a parameter that it does not know/],
  ["wecom://t?secret=hunter2", /has a secret, but nothing is signed/],
  ["feishu://t?base=hunter2", /has a base that is no http/],
  ["feishu://t?base=file:///hunter2", /has a base that is no http/],
  ["https://", /^https:\/\/… is no URL/],
  ["https://example.com:hunter2/", /is no URL/],
  ["https://example.com/?secret=", /has an empty secret/],
  ["slack+https://", /is no URL/],
];

for (const [text, says] of BAD) {
  Deno.test(`alert URL "${text}" is refused in a sentence without its secrets`, () => {
    match(refusalOf(text), says);
  });
}

function refusalOf(text: string): string {
  try {
    parseAlertUrl(text);
  } catch (error) {
    ok(error instanceof Refusal);
    equal(error.code, "validation_error");
    ok(!error.message.includes("hunter2"), error.message);
    ok(!error.message.includes("\n"));
    return error.message;
  }
  throw new Error("it was understood");
}

Deno.test("any text is understood as an http(s) URL to post to, or refused", () => {
  const scheme = fc.constantFrom("dingtalk", "wecom", "feishu", "slack+https", "https", "x");
  fc.assert(fc.property(scheme, fc.string(), (scheme, rest) => {
    try {
      match(new URL(parseAlertUrl(`${scheme}://${rest}`).url).protocol, /^https?:$/);
    } catch (error) {
      ok(error instanceof Refusal, String(error));
    }
  }));
});

Deno.test("any secret arrives as it was written", () => {
  const secrets = fc.string({ minLength: 1, unit: "grapheme-ascii" });
  fc.assert(fc.property(secrets, (secret) => {
    const text = `https://example.com/?secret=${encodeURIComponent(secret)}`;
    equal(parseAlertUrl(text).secret, secret);
    equal(parseAlertUrl(`dingtalk://t?secret=${encodeURIComponent(secret)}`).secret, secret);
  }));
});
