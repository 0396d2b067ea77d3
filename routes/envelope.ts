import type { Context } from "hono";
import type { RefusalDetail } from "@/domain/decider.ts";
import type { Actor } from "./auth.ts";
import type { ConnectionInfo } from "./client_address.ts";

/** What a request carries through the routes. */
export interface AppEnv {
  readonly Bindings: ConnectionInfo;
  readonly Variables: {
    requestId?: string;
    actor?: Actor;
    /** Pages of other origins may read the answer. */
    shared?: boolean;
    /** Seconds after which the caller may come back. */
    retryAfterS?: number;
    /** Requests that count against the caller's minute now; unset where none are counted. */
    rateUsed?: () => number;
  };
}

export type AppContext = Context<AppEnv>;

export type Meta = Readonly<Record<string, unknown>>;

export interface Pagination {
  readonly page: number;
  readonly size: number;
  readonly total: number;
  readonly pages: number;
  readonly has_next: boolean;
  readonly has_prev: boolean;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly details?: readonly RefusalDetail[] | undefined;
}

/** A policy without sources also keeps every answer out of frames. */
const SAFE_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
} as const;

const SHARED_HEADERS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
} as const;

/** What others call the request, if it is harmless, else a name of ours. */
export function requestId(c: AppContext): string {
  const known = c.get("requestId");
  if (known !== undefined) return known;
  const given = c.req.header("x-request-id");
  const id = given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : crypto.randomUUID();
  c.set("requestId", id);
  return id;
}

/** An answer of any kind, with the headers that every answer has. */
export function answer(
  c: AppContext,
  body: BodyInit | null,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return new Response(body, {
    status,
    headers: {
      ...SAFE_HEADERS,
      ...(c.get("shared") === true ? SHARED_HEADERS : {}),
      "cache-control": "no-store",
      "x-request-id": requestId(c),
      ...headers,
    },
  });
}

export function success(
  c: AppContext,
  data: unknown,
  { status = 200, meta = {}, pagination }: {
    readonly status?: 200 | 201 | 202;
    readonly meta?: Meta;
    readonly pagination?: Pagination;
  } = {},
): Response {
  return json(c, { success: true, data, pagination, meta: fullMeta(c, meta) }, { status });
}

export function failure(
  c: AppContext,
  { code, message, field, details = [] }: Failure,
  { status, headers = {}, meta = {} }: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly meta?: Meta;
  },
): Response {
  const error = { code, message, field, details: details.length > 0 ? details : undefined };
  return json(c, { success: false, error, meta: fullMeta(c, meta) }, { status, headers });
}

/** Position of a write, and whether reads already show it. */
export function writeMeta({ position, visible }: { position: number; visible: boolean }): Meta {
  return visible ? { position } : { position, visible };
}

function json(
  c: AppContext,
  body: unknown,
  { status, headers = {} }: { status: number; headers?: Readonly<Record<string, string>> },
): Response {
  return answer(c, JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

function fullMeta(c: AppContext, meta: Meta): Meta {
  return { request_id: requestId(c), timestamp: new Date().toISOString(), ...meta };
}
