import { createHash } from "node:crypto";
import { proxyFor, type ProxySettings } from "@/adapters/proxy.ts";
import type { AlertChannel } from "@/domain/ports/alert_channel.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { AlertKind, AlertTarget } from "@/domain/ports/alert_target.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { type Complaint, type Dialect } from "./dialect.ts";
import { dingtalk } from "./dingtalk.ts";
import { feishu } from "./feishu.ts";
import { fitText } from "./fit_text.ts";
import { createPace } from "./pace.ts";
import { post, PostFailure } from "./post.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";
import { wecom } from "./wecom.ts";

export interface ChannelOptions {
  readonly clock: Clock;
  readonly proxy?: ProxySettings | undefined;
  /** For one whole answer. */
  readonly timeoutMs?: number | undefined;
}

const DIALECTS: Readonly<Record<AlertKind, Dialect>> = { dingtalk, wecom, feishu, slack, webhook };
const TIMEOUT_MS = 10_000;
const LONGEST_REASON = 200;

export function openAlertChannel(target: AlertTarget, options: ChannelOptions): AlertChannel {
  const { clock, proxy = {}, timeoutMs = TIMEOUT_MS } = options;
  const dialect = DIALECTS[target.kind];
  const name = `${target.kind}-${digest(`${target.kind} ${target.url}`)}`;
  const pace = createPace(clock, dialect.windows);
  const proxyUrl = proxyFor(new URL(target.url), proxy);
  const client = proxyUrl === undefined
    ? undefined
    : Deno.createHttpClient({ proxy: { url: proxyUrl } });

  function failure(complaint: Omit<Complaint, "kind">, more: {
    readonly retryable: boolean;
    readonly retryAfterMs?: number | undefined;
    readonly cause?: unknown;
  }): AdapterError {
    const message = withoutSecrets(complaint.message.replaceAll(/[\s\p{Cc}]+/gu, " "), target)
      .slice(0, LONGEST_REASON).toWellFormed();
    const hint = more.retryable ? undefined : "check this channel's entry in ALERT_URLS";
    return new AdapterError(`Cannot tell ${name}: ${message}`, {
      ...{ port: "alerts", op: `send ${name}`, hint, ...more },
    });
  }

  return {
    name,
    maxMarkdownBytes: dialect.maxMarkdownBytes,
    send: (message, { signal, sentAgoMs } = {}) =>
      pace.run(async () => {
        const draft = dialect.draft(message, { target, at: clock.now() });
        const body = draft.body(fitText(message.markdown, draft.fits));
        const headers = draft.headers?.(body) ?? {};
        const request = { url: draft.url, body, headers, client, signal, clock, timeoutMs };
        const answer = await post(request).catch((error: unknown) => {
          if (!(error instanceof PostFailure)) throw error;
          const { retryable, tooMany, retryAfterMs } = error;
          const waitMs = retryAfterMs ?? (tooMany ? dialect.blockedMs : undefined);
          if (waitMs !== undefined) pace.pause(waitMs);
          throw failure(error, { retryable, retryAfterMs: waitMs, cause: undefined });
        });
        const complaint = dialect.complaint(answer);
        if (complaint === undefined) return;
        const retryAfterMs = complaint.kind === "too_many" ? dialect.blockedMs : undefined;
        if (retryAfterMs !== undefined) pace.pause(retryAfterMs);
        throw failure(complaint, { retryable: complaint.kind !== "unwanted", retryAfterMs });
      }, { signal, endedAgoMs: sentAgoMs }),
    close() {
      pace.close(new DOMException(`Channel ${name} is closed`, "AbortError"));
      client?.close();
    },
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/** A robot may repeat what it was sent. */
function withoutSecrets(text: string, { url, secret }: AlertTarget): string {
  const { pathname, search } = new URL(url);
  const parts = [...pathname.split("/"), ...new URLSearchParams(search).values(), secret ?? ""];
  return parts.filter((part) => part.length >= 8)
    .reduce((shown, part) => shown.replaceAll(part, "…"), text);
}
