import { rebase } from "@/adapters/base_url.ts";
import { createLimiter } from "@/adapters/limiter.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Credential } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { type Body, readBody } from "./read_body.ts";
import { refuseFailure } from "./refuse_failure.ts";
import { type SourceReply, sourceReply } from "./source_reply.ts";

/** As the platform's `fetch`: one request out, one answer in. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

export interface SourceHttpOptions {
  readonly source: SourceName;
  readonly clock: Clock;
  /** Where the site is. */
  readonly home: string;
  /** Takes the place of `home`. */
  readonly baseUrl?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Removed from everything that is kept or said. */
  readonly secrets?: readonly (Credential | undefined)[] | undefined;
  /** What the operator can do when the site wants a login. */
  readonly loginHint?: string | undefined;
  /** Least time between two requests. */
  readonly intervalMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly fetch?: Fetch | undefined;
}

export interface SourceCall {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Makes it a POST of a form. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
}

/** The way to one site: one request at a time, spaced, bounded, and told apart when it fails. */
export interface SourceHttp {
  /** Throws {@linkcode SourceError} for everything but an answer with status 2xx. */
  ask(call: SourceCall): Promise<SourceReply>;
  /** Something secret that was learned on the way. */
  keepSecret(secret: string): void;
}

const INTERVAL_MS = 1_000;
/** A whole history of dailies is below one. */
const MAX_BYTES = 32 * 1_048_576;
/** Sites turn away what does not look like a browser at all. */
const USER_AGENT = "Mozilla/5.0 (compatible; Chandlery)";

export function createSourceHttp(options: SourceHttpOptions): SourceHttp {
  const { source, clock, home, baseUrl, intervalMs = INTERVAL_MS, maxBytes = MAX_BYTES } = options;
  const limiter = createLimiter({ clock, intervalMs, maxInFlight: 1 });
  const secrets = (options.secrets ?? []).flatMap((one) => one === undefined ? [] : [one.reveal()]);

  async function exchange(call: SourceCall, op: string): Promise<SourceReply> {
    const { path, query = {}, form, headers, signal } = call;
    const url = rebase(new URL(path, home), baseUrl);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    let response: Response;
    let body: Body;
    try {
      response = await (options.fetch ?? fetch)(url, {
        method: form === undefined ? "GET" : "POST",
        headers: { "user-agent": USER_AGENT, ...options.headers, ...headers },
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
        // A redirect of an API leads to a page to log in at; following it would hide that.
        redirect: "manual",
        signal,
      });
      body = await readBody(response, maxBytes);
    } catch (cause) {
      throw unanswered(cause, { source, op, signal });
    }
    const { bytes, truncated } = body;
    const reply = sourceReply({
      ...{ source, op, bytes, truncated, secrets, status: response.status },
      loginHint: options.loginHint,
      contentType: response.headers.get("content-type") ?? "application/octet-stream",
    });
    refuseFailure(reply, response, clock.now());
    if (truncated) throw reply.fail("invalid", `${op} answers more than ${maxBytes} bytes`);
    return reply;
  }

  return {
    async ask(call) {
      const op = `${call.form === undefined ? "GET" : "POST"} ${call.path}`;
      const { signal } = call;
      try {
        return await limiter.run(() => exchange(call, op), { priority: "live", signal });
      } catch (error) {
        throw signal.aborted ? unanswered(error, { source, op, signal }) : error;
      }
    },
    keepSecret(secret) {
      if (!secrets.includes(secret)) secrets.push(secret);
    },
  };
}

interface Asked {
  readonly source: SourceName;
  readonly op: string;
  readonly signal: AbortSignal;
}

/**
 * The error of a request that got no answer. Whoever ended the work for another reason than its
 * length hears that reason.
 */
export function unanswered(cause: unknown, { source, op, signal }: Asked): unknown {
  if (!signal.aborted) {
    if (cause instanceof SourceError) return cause;
    return new SourceError(`Cannot crawl ${source}: it cannot be reached`, {
      ...{ source, op, errorClass: "network", cause },
    });
  }
  const { reason } = signal;
  if (!(reason instanceof DOMException && reason.name === "TimeoutError")) return reason;
  return new SourceError(`Cannot crawl ${source}: it did not answer in time`, {
    ...{ source, op, errorClass: "timeout", cause: reason },
  });
}
