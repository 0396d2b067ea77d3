import { Refusal, type RefusalCode } from "@/domain/decider.ts";
import { DamagedFile, isDamage } from "@/domain/damaged_file.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Log } from "@/domain/ports/log.ts";
import { DatabaseError, databaseErrorIn } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { InvalidEvent, VersionConflict } from "@/events/store/store.ts";
import { type AppContext, type Failure, failure, requestId } from "./envelope.ts";
import { ERRORS } from "./error_codes.ts";

/** Seconds after which a caller may try again when nobody said how long it takes. */
const RETRY_AFTER_S = 5;

/** The request broke off on its way: nobody reads the answer, and no fault of the service is in it. */
export class CallerGone extends Error {
  override readonly name = "CallerGone";
  constructor(cause: unknown) {
    super("The caller went away before all was sent", { cause });
  }
}

export interface Outcome extends Failure {
  readonly status: number;
  readonly retryAfterS?: number | undefined;
  /** Whose fault it is decides how loud it is logged; the caller's is not. */
  readonly blame: "caller" | "world" | "us";
}

/** What an error means for the caller. */
export type Judge = (error: Error, c: AppContext) => Outcome;

/** Judges whatever a route threw. What is not the caller's fault is logged here, once. */
export function createJudge(
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Judge {
  return (error, c) => {
    const outcome = signal.aborted && isBrokenOff(error) ? STOPPING : outcomeOf(error);
    const { status } = ERRORS[outcome.code];
    const fields = { requestId: requestId(c), method: c.req.method, path: c.req.path, error };
    if (outcome.blame === "world") log.warn("request failed", fields);
    if (outcome.blame === "us") log.error("request failed", fields);
    return { ...outcome, status, retryAfterS: outcome.retryAfterS ?? c.get("retryAfterS") };
  };
}

/** Answers whatever a route threw, in our envelope. */
export function createErrorHandler(
  deps: { readonly log: Log; readonly signal: AbortSignal },
): (error: Error, c: AppContext) => Response {
  const judge = createJudge(deps);
  return (error, c) => {
    const outcome = judge(error, c);
    return failure(c, outcome, { headers: failureHeaders(outcome) });
  };
}

/** What an answer to a failure says beside its body, whatever the protocol. */
export function failureHeaders(
  { status, retryAfterS }: Pick<Outcome, "status" | "retryAfterS">,
): Readonly<Record<string, string>> {
  return {
    ...(retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }),
    ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
  };
}

const STOPPING: Omit<Outcome, "status"> = {
  code: "UNAVAILABLE",
  message: "The service is stopping: try again",
  retryAfterS: RETRY_AFTER_S,
  blame: "caller",
};

/** What a stop does to work on its way: it is aborted, or finds a part that is closed already. */
function isBrokenOff(error: Error): boolean {
  if (error.name === "AbortError") return true;
  if (isStorageFull(error) || error instanceof DamagedFile || isDamage(error)) return false;
  return error instanceof AdapterError || databaseErrorIn(error) !== undefined;
}

function outcomeOf(error: Error): Omit<Outcome, "status"> {
  if (error instanceof CallerGone) {
    return { code: "CALLER_GONE", message: error.message, blame: "caller" };
  }
  if (error instanceof Refusal) {
    const { code, message, field, details } = error;
    const retryAfterS = code === "unavailable" ? RETRY_AFTER_S : undefined;
    const blame = "caller";
    return {
      ...{ code: trusted<Uppercase<RefusalCode>>(code.toUpperCase()), message, field, details },
      ...{ blame, retryAfterS },
    };
  }
  if (error instanceof VersionConflict) {
    const message = "Somebody else changed this at the same moment: try again";
    return { code: "CONFLICT", message, blame: "caller" };
  }
  if (error instanceof InvalidEvent) {
    return { code: "VALIDATION_ERROR", message: error.message, blame: "caller" };
  }
  if (isStorageFull(error)) {
    const message = "The storage of the service is full: free space, then try again";
    return { code: "STORAGE_FULL", message, blame: "world" };
  }
  if (error instanceof DamagedFile) {
    // In a few seconds it is still damaged: nobody is told to come back then.
    return { code: "UNAVAILABLE", message: `${error.message}. ${error.hint}`, blame: "world" };
  }
  if (isDamage(error)) {
    const message = "A file of the service is damaged or missing: the log and GET /admin/archive " +
      "say which";
    return { code: "UNAVAILABLE", message, blame: "world" };
  }
  const fromWorld = error instanceof AdapterError ? error : databaseErrorIn(error);
  if (fromWorld?.retryable === true) {
    const waitMs = fromWorld instanceof AdapterError ? fromWorld.retryAfterMs : undefined;
    return {
      code: "UNAVAILABLE",
      message: "A part of the service cannot be reached: try again",
      retryAfterS: waitMs === undefined ? RETRY_AFTER_S : Math.ceil(waitMs / 1_000),
      blame: "world",
    };
  }
  return { code: "INTERNAL", message: "Internal error", blame: "us" };
}

function isStorageFull(error: unknown): boolean {
  if (error instanceof DatabaseError && error.sqlstate === "53100") return true;
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "ENOSPC") return true;
  if (error instanceof AdapterError && /No space left on device/i.test(error.message)) return true;
  return isStorageFull(error.cause);
}
