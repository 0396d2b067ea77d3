import type { Context } from "hono";
import type { RefusalDetail } from "@/domain/decider.ts";
import type { Actor } from "./auth.ts";
import type { ConnectionInfo } from "./client_address.ts";
import { type ErrorCode, ERRORS } from "./error_codes.ts";
import { acceptsGzip, isPackable, packed } from "./pack.ts";

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
  readonly code: ErrorCode;
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

export interface AnswerOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer of any kind, with the headers that every answer has. */
export function answer(
  c: AppContext,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  { status = 200, headers = {} }: AnswerOptions = {},
): Response {
  const whole = typeof body === "string" || body instanceof Uint8Array ? body : undefined;
  const packable = whole !== undefined && isPackable(headers["content-type"]);
  const isHead = c.req.method === "HEAD";
  const asked = acceptsGzip(c.req.header("accept-encoding")) && !isOnThisMachine(c);
  const packs = packable && !isHead && asked;
  const gzipped = packs ? packed(whole) : undefined;
  return new Response(gzipped ?? body, {
    status,
    headers: {
      ...(isHead && whole !== undefined ? { "content-length": lengthOf(whole) } : {}),
      ...(packable ? { vary: "accept-encoding" } : {}),
      ...(gzipped === undefined ? {} : { "content-encoding": "gzip" }),
      ...SAFE_HEADERS,
      ...(c.get("shared") === true ? SHARED_HEADERS : {}),
      "cache-control": "no-store",
      "x-request-id": requestId(c),
      ...headers,
    },
  });
}

/** Nothing is won by packing what crosses no network; a proxy on this machine speaks for others. */
function isOnThisMachine(c: AppContext): boolean {
  const address = c.env?.remoteAddr?.hostname ?? "";
  return /^(127\.|::1$|::ffff:127\.)/.test(address) &&
    c.req.header("x-forwarded-for") === undefined;
}

/** The body of a HEAD is dropped on its way; the length that it has unpacked is told all the same. */
function lengthOf(body: string | Uint8Array): string {
  return String((typeof body === "string" ? new TextEncoder().encode(body) : body).length);
}

export function success(
  c: AppContext,
  data: unknown,
  { status = 200, meta = {}, pagination, headers = {} }: {
    readonly status?: 200 | 201 | 202;
    readonly meta?: Meta;
    readonly pagination?: Pagination;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return json(c, { success: true, data, pagination, meta: fullMeta(c, meta) }, { status, headers });
}

export function failure(
  c: AppContext,
  { code, message, field, details = [] }: Failure,
  { headers = {}, meta = {} }: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly meta?: Meta;
  } = {},
): Response {
  const error = { code, message, field, details: details.length > 0 ? details : undefined };
  return json(c, { success: false, error, meta: fullMeta(c, meta) }, {
    ...{ status: ERRORS[code].status, headers },
  });
}

/** An answer in JSON, of whatever shape a protocol wants. */
export function json(
  c: AppContext,
  body: unknown,
  { status = 200, headers = {} }: AnswerOptions = {},
): Response {
  return answer(c, JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

function fullMeta(c: AppContext, meta: Meta): Meta {
  return { request_id: requestId(c), timestamp: new Date().toISOString(), ...meta };
}
