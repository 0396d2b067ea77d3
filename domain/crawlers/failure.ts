import { databaseErrorIn } from "@/events/store/database.ts";
import { Refusal } from "../decider.ts";
import { AdapterError } from "../ports/adapter_error.ts";

/** Why an attempt failed, and whether the next one may do better. */
const RETRIED = {
  /** Nobody answered, or not to the end. */
  NetworkError: true,
  RateLimited: true,
  /** HTTP 5xx. */
  ServerError: true,
  /** The attempt took too long. */
  Timeout: true,
  /** An answer that is cut off or no JSON. */
  BrokenAnswer: true,
  DatabaseError: true,
  /** Any other HTTP status, or what the source says in its own words. */
  Refused: false,
  LoginRequired: false,
  /** The answer has another shape than it had. */
  SchemaChanged: false,
  /** The answer has its shape, but not what it must hold. */
  ValidationFailed: false,
  /** Settings are missing; nothing was asked. */
  NotConfigured: false,
  /** A fault of this program. */
  InternalError: false,
} as const;

/** How adapters of sources name the same in their errors. */
const OWN_NAMES: Readonly<Record<string, CrawlErrorClass>> = {
  network: "NetworkError",
  rate_limited: "RateLimited",
  server: "ServerError",
  timeout: "Timeout",
  login_required: "LoginRequired",
  schema_changed: "SchemaChanged",
  invalid: "ValidationFailed",
  not_configured: "NotConfigured",
};

export type CrawlErrorClass = keyof typeof RETRIED;

export interface CrawlFailure {
  readonly errorClass: CrawlErrorClass;
  readonly message: string;
  readonly httpStatus: number | null;
  readonly retryable: boolean;
  /** How long the other side asked us to wait. */
  readonly retryAfterMs: number | undefined;
}

export function isCrawlErrorClass(name: unknown): name is CrawlErrorClass {
  return typeof name === "string" && Object.hasOwn(RETRIED, name);
}

export function isRetried(errorClass: CrawlErrorClass): boolean {
  return RETRIED[errorClass];
}

/**
 * What anything that was thrown means for a run. An error that names one of our classes in a field
 * `errorClass` says it itself, the others are told by their kind.
 */
export function failureOf(error: unknown): CrawlFailure {
  const fields: Fields = typeof error === "object" && error !== null ? error : {};
  const message = withHint(error);
  const { errorClass: named, retryAfterMs } = fields;
  const httpStatus = statusOf(fields) ?? statusIn(error);
  const errorClass = classNamed(named) ?? classOf(error, httpStatus);
  return {
    ...{ errorClass, message, httpStatus: httpStatus ?? null },
    retryable: isRetried(errorClass) && databaseErrorIn(error)?.retryable !== false,
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : undefined,
  };
}

/** People read it far from here: what they can do about it goes along. */
function withHint(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof AdapterError ? error.hint : undefined;
  return hint === undefined || message.includes(hint) ? message : `${message}; ${hint}`;
}

function classNamed(name: unknown): CrawlErrorClass | undefined {
  if (isCrawlErrorClass(name)) return name;
  return typeof name === "string" && Object.hasOwn(OWN_NAMES, name) ? OWN_NAMES[name] : undefined;
}

interface Fields {
  readonly errorClass?: unknown;
  readonly httpStatus?: unknown;
  readonly retryAfterMs?: unknown;
}

/** HTTP statuses: 418 is how Binance bans, 408 and 425 ask for the same request again. */
export function classOfStatus(httpStatus: number): CrawlErrorClass {
  if (httpStatus === 429 || httpStatus === 418) return "RateLimited";
  if (httpStatus === 408 || httpStatus === 425) return "NetworkError";
  if (httpStatus === 401) return "LoginRequired";
  return httpStatus >= 500 ? "ServerError" : "Refused";
}

function classOf(error: unknown, httpStatus: number | undefined): CrawlErrorClass {
  if (databaseErrorIn(error) !== undefined) return "DatabaseError";
  if (error instanceof Refusal) return error.code === "rate_limited" ? "RateLimited" : "Refused";
  if (error instanceof Error && error.name === "TimeoutError") return "Timeout";
  if (!(error instanceof AdapterError)) return "InternalError";
  if (!error.retryable) return "Refused";
  const byStatus = httpStatus === undefined ? undefined : classOfStatus(httpStatus);
  if (byStatus !== undefined && isRetried(byStatus)) return byStatus;
  return error.retryAfterMs === undefined ? "NetworkError" : "RateLimited";
}

function statusOf({ httpStatus }: Fields): number | undefined {
  return typeof httpStatus === "number" && Number.isInteger(httpStatus) ? httpStatus : undefined;
}

/** Adapters of exchanges tell the status in their message. */
function statusIn(error: unknown): number | undefined {
  if (!(error instanceof AdapterError)) return undefined;
  const [, status] = /\bHTTP ([1-5]\d\d)\b/.exec(error.message) ?? [];
  return status === undefined ? undefined : Number(status);
}
