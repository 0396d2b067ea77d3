import { createHmac } from "node:crypto";
import type { AlertKind } from "@/domain/ports/alert_target.ts";

/** What a robot got, as it sees it. */
export interface RobotRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly json: unknown;
}

/** How a robot of one vendor checks and answers, after the vendor's own documentation. */
export interface RobotDialect {
  readonly path: string;
  /** Most messages within so many ms; one more blocks it for `blockedMs`. */
  readonly windows: readonly { readonly most: number; readonly ms: number }[];
  readonly blockedMs: number;
  /** Title and text of a message, as people see it; undefined when it has another shape. */
  read(request: RobotRequest): { title: string; text: string } | undefined;
  /** Bytes of what the vendor limits, and the limit. */
  size(request: RobotRequest): { bytes: number; most: number };
  isSigned(request: RobotRequest, check: { secret: string; now: number }): boolean;
  answer(outcome: Outcome): Response;
}

export type Outcome = "ok" | "bad_signature" | "too_long" | "too_many" | "malformed" | "busy";

const HOUR = 3_600_000;
const bytes = (text: string) => new TextEncoder().encode(text).length;
const text = (value: unknown) => typeof value === "string" ? value : "";
const isFresh = (at: number, now: number) => Math.abs(at - now) <= HOUR;

/** What lies at the end of a way through objects and lists. */
function at(value: unknown, ...way: readonly (string | number)[]): unknown {
  const [name, ...rest] = way;
  if (name === undefined) return value;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return at(Reflect.get(value, name), ...rest);
}

function mac(key: string, message: string): string {
  return createHmac("sha256", key).update(message).digest("base64");
}

/** DingTalk and WeCom: HTTP 200 with a code, whatever happens. */
function errcode(codes: Readonly<Record<Outcome, readonly [number, string]>>) {
  return (outcome: Outcome): Response => {
    const [code, errmsg] = codes[outcome];
    return Response.json({ errcode: code, errmsg });
  };
}

/** The first line is a heading, the rest the text. */
function headed(content: unknown): { title: string; text: string } | undefined {
  const [, title, rest] = /^### (.*)\n+([^]*)$/.exec(text(content)) ?? [];
  return title === undefined || rest === undefined ? undefined : { title, text: rest };
}

export const ROBOTS: Readonly<Record<AlertKind, RobotDialect>> = {
  dingtalk: {
    path: "/robot/send",
    windows: [{ most: 20, ms: 60_000 }],
    blockedMs: 600_000,
    read({ url, json }) {
      if (url.searchParams.get("access_token") !== "Token_1234567") return undefined;
      if (at(json, "msgtype") !== "markdown") return undefined;
      const message = headed(at(json, "markdown", "text"));
      return message?.title === at(json, "markdown", "title") ? message : undefined;
    },
    size: ({ body }) => ({ bytes: bytes(body), most: 20_000 }),
    isSigned({ url }, { secret, now }) {
      const timestamp = url.searchParams.get("timestamp") ?? "";
      return isFresh(Number(timestamp), now) &&
        url.searchParams.get("sign") === mac(secret, `${timestamp}\n${secret}`);
    },
    answer: errcode({
      ok: [0, "ok"],
      bad_signature: [310_000, "sign not match, more: [https://ding-doc.dingtalk.com]"],
      too_long: [460_101, "message too long, exceed 20000 bytes"],
      too_many: [130_101, "send too fast, exceed 20 times per minute"],
      malformed: [40_035, "缺少参数 json"],
      busy: [-1, "系统繁忙"],
    }),
  },
  wecom: {
    path: "/cgi-bin/webhook/send",
    windows: [{ most: 20, ms: 60_000 }],
    blockedMs: 60_000,
    read({ url, json }) {
      if (url.searchParams.get("key") !== "Token_1234567") return undefined;
      if (at(json, "msgtype") !== "markdown") return undefined;
      return headed(at(json, "markdown", "content"));
    },
    size: ({ json }) => ({ bytes: bytes(text(at(json, "markdown", "content"))), most: 4_096 }),
    isSigned: () => true,
    answer: errcode({
      ok: [0, "ok"],
      bad_signature: [93_000, "invalid webhook url, hint: [1697]"],
      too_long: [40_058, "markdown.content exceed max length 4096. invalid Request Parameter"],
      too_many: [45_009, "api freq out of limit"],
      malformed: [93_017, "invalid message type"],
      busy: [-1, "system error"],
    }),
  },
  feishu: {
    path: "/open-apis/bot/v2/hook/Token_1234567",
    windows: [{ most: 100, ms: 60_000 }, { most: 5, ms: 1_000 }],
    blockedMs: 60_000,
    read({ json }) {
      if (at(json, "msg_type") !== "interactive") return undefined;
      if (at(json, "card", "elements", 0, "tag") !== "markdown") return undefined;
      return {
        title: text(at(json, "card", "header", "title", "content")),
        text: text(at(json, "card", "elements", 0, "content")),
      };
    },
    size: ({ body }) => ({ bytes: bytes(body), most: 20 * 1_024 }),
    isSigned({ json }, { secret, now }) {
      const timestamp = text(at(json, "timestamp"));
      return /^\d{10}$/.test(timestamp) && isFresh(Number(timestamp) * 1_000, now) &&
        at(json, "sign") === mac(`${timestamp}\n${secret}`, "");
    },
    answer(outcome) {
      if (outcome === "ok") {
        return Response.json({ StatusCode: 0, StatusMessage: "success", code: 0, msg: "success" });
      }
      const [code, msg] = {
        bad_signature: [19_021, "sign match fail or timestamp is not within one hour"],
        too_long: [11_233, "request body is too large"],
        too_many: [11_232, "frequency limited psm[lark.oapi.app_platform_runtime]"],
        malformed: [9_499, "Bad Request"],
        busy: [-1, "internal error"],
      }[outcome];
      return Response.json({ code, msg, data: {} });
    },
  },
  slack: {
    path: "/services/T000/B000/Token_1234567",
    windows: [{ most: 1, ms: 1_000 }],
    blockedMs: 30_000,
    read({ json }) {
      const [, title, rest] = /^\*(.*)\*\n([^]*)$/.exec(text(at(json, "text"))) ?? [];
      return title === undefined || rest === undefined
        ? undefined
        : { title: unescaped(title), text: unescaped(rest) };
    },
    size: ({ json }) => ({ bytes: text(at(json, "text")).length, most: 40_000 }),
    isSigned: () => true,
    answer(outcome) {
      if (outcome === "ok") return new Response("ok");
      if (outcome === "too_many") {
        return new Response("rate_limited", { status: 429, headers: { "retry-after": "30" } });
      }
      if (outcome === "busy") return new Response("rollup_error", { status: 500 });
      return new Response("invalid_payload", { status: 400 });
    },
  },
  webhook: {
    path: "/hooks/alerts",
    windows: [{ most: 10, ms: 1_000 }],
    blockedMs: 60_000,
    read: ({ json }) => ({ title: text(at(json, "title")), text: text(at(json, "text")) }),
    size: ({ body }) => ({ bytes: bytes(body), most: 1_048_576 }),
    isSigned({ headers, body }, { secret }) {
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      return headers.get("x-signature") === `sha256=${signature}`;
    },
    answer(outcome) {
      if (outcome === "ok") return Response.json({ received: true }, { status: 202 });
      const status = {
        ...{ bad_signature: 401, too_long: 413, too_many: 429, malformed: 422, busy: 503 },
      }[outcome];
      return new Response(null, { status });
    },
  },
};

function unescaped(mrkdwn: string): string {
  return mrkdwn.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
