import fc from "fast-check";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";

type Data<T extends CrawlerRunEvent["type"]> = Extract<CrawlerRunEvent, { type: T }>["data"];

export const MINUTE = 60_000;

export interface RunOptions {
  readonly runId?: string;
  readonly source?: string;
  /** When it ended. */
  readonly at?: number;
  readonly durationMs?: number;
  readonly errorClass?: string;
  readonly errorMessage?: string;
  readonly httpStatus?: number | null;
  readonly attempt?: number;
  /** Those that were stored; of what failed none unless it is said. */
  readonly rows?: number;
}

/** Events of runs, with what a test does not care about filled in. */
function attempt(options: RunOptions): Omit<Data<"CrawlerSucceeded">, "rows" | "bytes"> {
  const { runId = "run-1", source = "openvlab", at = 0, durationMs = 1_000 } = options;
  return {
    ...{ runId, source, venue: source, attempt: options.attempt ?? 1 },
    ...{ startedAt: at - durationMs, finishedAt: at, durationMs },
  };
}

function failure(options: RunOptions): Data<"CrawlerFailed"> {
  const { errorClass = "ServerError", errorMessage = "it answered HTTP 503", httpStatus = 503 } =
    options;
  const { rows } = options;
  const stored = { rows: rows ?? null, bytes: rows === undefined ? null : 100 * rows };
  return { ...attempt(options), errorClass, errorMessage, httpStatus, response: null, ...stored };
}

export function started(options: RunOptions = {}): CrawlerRunEvent {
  const { runId = "run-1", source = "openvlab", at = 0 } = options;
  return {
    type: "CrawlerRunStarted",
    data: {
      ...{ runId, source, venue: source, trigger: "schedule", scheduledFor: at, startedAt: at },
      ...{ maxAttempts: 4, retryOf: null, crashes: 0 },
    },
  };
}

export function succeeded(options: RunOptions = {}): CrawlerRunEvent {
  const { rows = 10 } = options;
  return { type: "CrawlerSucceeded", data: { ...attempt(options), rows, bytes: 100 * rows } };
}

export function failed(options: RunOptions = {}): CrawlerRunEvent {
  return { type: "CrawlerFailed", data: failure({ attempt: 4, ...options }) };
}

export function timedOut(options: RunOptions = {}): CrawlerRunEvent {
  const data = failure({ attempt: 4, errorClass: "Timeout", httpStatus: null, ...options });
  return { type: "CrawlerTimedOut", data };
}

export function attempted(options: RunOptions = {}): CrawlerRunEvent {
  const data = failure(options);
  return { type: "CrawlerAttempted", data: { ...data, retryAt: data.finishedAt + MINUTE } };
}

export function crashed(options: RunOptions = {}): CrawlerRunEvent {
  const { durationMs: _, ...data } = attempt(options);
  return { type: "CrawlerCrashed", data: { ...data, leaseUntil: data.finishedAt, stopped: false } };
}

export function skipped(options: RunOptions = {}): CrawlerRunEvent {
  const { runId = "run-1", source = "openvlab", at = 0 } = options;
  return {
    type: "CrawlerSkipped",
    data: {
      ...{ runId, source, venue: source, trigger: "schedule", scheduledFor: at, skippedAt: at },
      reason: "breaker_open",
    },
  };
}

const ENDS = { succeeded, failed, timedOut, crashed, skipped } as const;

export interface RunEnd {
  readonly how: keyof typeof ENDS;
  readonly source: string;
  /** Time since the end before it. */
  readonly afterMs: number;
}

/** Ends of runs of several sources, failures as likely as successes. */
export function runEnds(sources: readonly string[], longestMs: number): fc.Arbitrary<RunEnd[]> {
  const how = fc.constantFrom(
    ...["succeeded", "succeeded", "failed", "failed", "timedOut", "crashed", "skipped"] as const,
  );
  const afterMs = fc.integer({ min: 0, max: longestMs });
  return fc.array(fc.record({ how, source: fc.constantFrom(...sources), afterMs }), {
    maxLength: 60,
  });
}

export function endEvent(
  { how, source }: RunEnd,
  place: { runId: string; at: number },
): CrawlerRunEvent {
  return ENDS[how]({ source, ...place });
}
