import { Refusal } from "../decider.ts";

export const ALERT_KINDS = ["dingtalk", "wecom", "feishu", "slack", "webhook"] as const;
export type AlertKind = typeof ALERT_KINDS[number];

/** Where alerts go. Holds secrets: neither for the log nor for answers. */
export interface AlertTarget {
  readonly kind: AlertKind;
  /** What messages are posted to, the token within. */
  readonly url: string;
  readonly secret: string | undefined;
}

const ROBOTS: Readonly<Record<string, { kind: AlertKind; url: string; signs: boolean }>> = {
  "dingtalk:": {
    ...{ kind: "dingtalk", signs: true },
    url: "https://oapi.dingtalk.com/robot/send?access_token=",
  },
  "wecom:": {
    ...{ kind: "wecom", signs: false },
    url: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
  },
  "feishu:": {
    ...{ kind: "feishu", signs: true },
    url: "https://open.feishu.cn/open-apis/bot/v2/hook/",
  },
};

const FORMS = "dingtalk://<token>?secret=…, wecom://<key>, feishu://<token>?secret=…, " +
  "slack+https://… or https://…?secret=…";

/**
 * Reads one of ALERT_URLS. Throws Refusal `validation_error` with a sentence that says what is wrong
 * and holds nothing secret.
 */
export function parseAlertUrl(text: string): AlertTarget {
  const [, scheme = ""] = /^([a-z][a-z0-9+.-]*:)\/\//i.exec(text.trim()) ?? [];
  const name = scheme.toLowerCase();
  const robot = Object.hasOwn(ROBOTS, name) ? ROBOTS[name] : undefined;
  if (robot !== undefined) return robotTarget(text.trim().slice(scheme.length + 2), robot, name);
  if (["http:", "https:"].includes(name)) return webhookTarget(text.trim(), name);
  if (["slack+http:", "slack+https:"].includes(name)) {
    const url = text.trim().slice("slack+".length);
    if (!URL.canParse(url)) throw wrong(name, "is no URL");
    return { kind: "slack", url, secret: undefined };
  }
  throw wrong(name, `is not understood, expected ${FORMS}`);
}

function robotTarget(
  rest: string,
  { kind, url, signs }: { kind: AlertKind; url: string; signs: boolean },
  scheme: string,
): AlertTarget {
  const [token = "", query = ""] = split(rest);
  const { secret, base, ...others } = parameters(query);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw wrong(scheme, `has a parameter that it does not know`);
  if (!/^[\w.~-]+$/.test(token)) throw wrong(scheme, `has no token, expected ${scheme}//<token>`);
  if (secret !== undefined && !signs) throw wrong(scheme, "has a secret, but nothing is signed");
  if (secret === "") throw wrong(scheme, "has an empty secret");
  if (base === undefined) return { kind, url: `${url}${token}`, secret };
  if (!/^https?:$/.test(URL.canParse(base) ? new URL(base).protocol : "")) {
    throw wrong(scheme, "has a base that is no http:// or https:// URL");
  }
  const path = url.replace(/^https:\/\/[^/]+/, "");
  // A base may be given with or without the robot's own path.
  const bare = path.replace(/\?.*|\/$/g, "");
  const trimmed = base.replace(/\/+$/, "");
  const origin = trimmed.endsWith(bare) ? trimmed.slice(0, -bare.length) : trimmed;
  return { kind, url: `${origin}${path}${token}`, secret };
}

function webhookTarget(text: string, scheme: string): AlertTarget {
  if (!URL.canParse(text)) throw wrong(scheme, "is no URL");
  const url = new URL(text);
  const { secret } = parameters(url.search.slice(1));
  if (secret === "") throw wrong(scheme, "has an empty secret");
  url.searchParams.delete("secret");
  url.hash = "";
  return { kind: "webhook", url: url.href, secret };
}

function split(rest: string): readonly string[] {
  const at = rest.indexOf("?");
  const [token, query] = at < 0 ? [rest, ""] : [rest.slice(0, at), rest.slice(at + 1)];
  return [token.replace(/\/$/, ""), query];
}

/** A plus sign is one: secrets are pasted as they are. */
function parameters(query: string): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(query.replaceAll("+", "%2B")));
}

function wrong(scheme: string, reason: string): Refusal {
  const shown = scheme === "" ? "a text without ://" : `${scheme}//…`;
  return new Refusal("validation_error", `${shown} ${reason}`);
}
