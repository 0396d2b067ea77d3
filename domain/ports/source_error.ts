import { AdapterError } from "./adapter_error.ts";
import type { SourceName } from "./source_names.ts";

/** What can go wrong with a source, and whether asking again may help. */
export const SOURCE_ERROR_RETRYABLE = {
  /** Not reached, cut off in the middle. */
  network: true,
  /** It asks for fewer requests. */
  rate_limited: true,
  /** It says that it has failed itself. */
  server: true,
  timeout: true,
  /** It answers only to those who are logged in. */
  login_required: false,
  /** It answers something that is not what it used to be; `differences` says where. */
  schema_changed: false,
  /** Its answer has the right shape and cannot be true, or our request is refused. */
  invalid: false,
  /** Settings are missing; nothing was asked. */
  not_configured: false,
} as const;

export type SourceErrorClass = keyof typeof SOURCE_ERROR_RETRYABLE;

/** The answer that a fetch failed on, as far as it was read. */
export interface FailedResponse {
  readonly status: number;
  readonly contentType: string;
  /** At most {@linkcode KEPT_RESPONSE_BYTES}, secrets removed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly truncated: boolean;
}

export const KEPT_RESPONSE_BYTES = 1_048_576;

/** What was kept of an answer although parts of it failed. */
export interface StoredParts {
  readonly rows: number;
  readonly bytes: number;
}

export interface SourceFailure {
  readonly source: SourceName;
  readonly errorClass: SourceErrorClass;
  /** What was tried, e.g. `GET /api/ctamap-all`. */
  readonly op: string;
  readonly hint?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly httpStatus?: number | undefined;
  readonly differences?: readonly string[] | undefined;
  readonly response?: FailedResponse | undefined;
  readonly stored?: StoredParts | undefined;
  readonly cause?: unknown;
}

/** Why a source could not be crawled. Messages of one cause are the same each time. */
export class SourceError extends AdapterError {
  readonly source: SourceName;
  readonly errorClass: SourceErrorClass;
  readonly httpStatus: number | undefined;
  /** Of a schema change: each place with what was expected there, e.g. `result[0].price: …`. */
  readonly differences: readonly string[];
  readonly response: FailedResponse | undefined;
  readonly stored: StoredParts | undefined;
  constructor(message: string, failure: SourceFailure) {
    const { source, errorClass, op, hint, retryAfterMs, cause } = failure;
    const retryable = SOURCE_ERROR_RETRYABLE[errorClass];
    super(message, { port: "source", op: `${source} ${op}`, retryable, hint, retryAfterMs, cause });
    this.source = source;
    this.errorClass = errorClass;
    this.httpStatus = failure.httpStatus;
    this.differences = failure.differences ?? [];
    this.response = failure.response;
    this.stored = failure.stored;
  }
}
