import type { RefusalCode } from "@/domain/decider.ts";

/** Every code of a failure: its HTTP status, and what it tells a caller. */
export const ERRORS = {
  MALFORMED_JSON: { status: 400, means: "the body is not JSON in UTF-8" },
  UNAUTHENTICATED: { status: 401, means: "there is no token, or nobody holds it" },
  FORBIDDEN: { status: 403, means: "the token does not suffice" },
  NOT_FOUND: { status: 404, means: "there is no such thing; `details` name what is near" },
  METHOD_NOT_ALLOWED: { status: 405, means: "the path is served by the methods in `Allow`" },
  CONFLICT: { status: 409, means: "it does not go with what is there, or with a job that runs" },
  NAME_TAKEN: { status: 409, means: "the name is taken" },
  STALE_VERSION: { status: 409, means: "somebody changed it in between" },
  PRECONDITION_FAILED: { status: 412, means: "the file is not the version in `If-Match`" },
  PAYLOAD_TOO_LARGE: { status: 413, means: "the body is too large: send it in parts" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, means: "the body is of another type or encoding" },
  RANGE_NOT_SATISFIABLE: { status: 416, means: "the file does not have these bytes" },
  VALIDATION_ERROR: { status: 422, means: "something is wrong: `field` and `details` say what" },
  RATE_LIMITED: { status: 429, means: "too many requests: wait as long as `Retry-After` says" },
  CALLER_GONE: { status: 499, means: "the body broke off on its way" },
  INTERNAL: { status: 500, means: "a fault of the service" },
  UNAVAILABLE: {
    status: 503,
    means: "not now: try again after `Retry-After`, or do what the message says",
  },
  STORAGE_FULL: { status: 507, means: "the disk of the service is full" },
} as const satisfies
  & Record<Uppercase<RefusalCode>, ErrorFacts>
  & Readonly<Record<string, ErrorFacts>>;

interface ErrorFacts {
  readonly status: number;
  readonly means: string;
}

export type ErrorCode = keyof typeof ERRORS;
export type FailureStatus = typeof ERRORS[ErrorCode]["status"];

/** The codes of a status and what they mean, in a line. */
export function describeFailure(wanted: FailureStatus): string {
  return Object.entries(ERRORS).filter(([, { status }]) => status === wanted)
    .map(([code, { means }]) => `\`${code}\`: ${means}`).join("; ");
}

/** All codes as a list in Markdown. */
export function describeCodes(): string {
  return Object.entries(ERRORS)
    .map(([code, { status, means }]) => `- \`${code}\` ${status}: ${means}`).join("\n");
}
