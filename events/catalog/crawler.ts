import { z } from "zod";
import type { EventOf } from "../define.ts";
import { blobRef } from "./klines.ts";

const name = z.string().min(1);
const epochMs = z.int();
const count = z.int().min(0);

/** `venue` is whom the circuit breaker is for: a site, an exchange. */
const run = { runId: name, source: name, venue: name };
const trigger = z.enum(["schedule", "catch_up", "manual", "after_crash"]);

/** One try, the first is 1. */
const attempt = {
  attempt: z.int().min(1),
  startedAt: epochMs,
  finishedAt: epochMs,
  durationMs: count,
};

const failure = {
  /** One of the error classes of `domain/crawlers`, or a newer one. */
  errorClass: name,
  errorMessage: z.string(),
  httpStatus: z.int().nullable(),
  /** The answer that was no use, cut to 1 MB, secrets removed. */
  response: blobRef.nullable(),
  /** What the run has stored nevertheless, where parts of an answer failed; null where it has not. */
  rows: count.nullable(),
  bytes: count.nullable(),
};

/** What can happen to one run of a crawler. Stream `crawler_run-<runId>`; exactly one event ends it. */
export const crawlerRunEvents = {
  CrawlerRunStarted: z.object({
    ...run,
    trigger,
    /** The time of the schedule it stands for; null when somebody started it. */
    scheduledFor: epochMs.nullable(),
    startedAt: epochMs,
    /** How often it may try at most. */
    maxAttempts: z.int().min(1),
    /** The crashed run in whose place it runs, and how many crashed in a row before it. */
    retryOf: name.nullable(),
    crashes: count,
  }),
  /** An attempt failed and another one follows. */
  CrawlerAttempted: z.object({ ...run, ...attempt, ...failure, retryAt: epochMs }),
  CrawlerSucceeded: z.object({ ...run, ...attempt, rows: count, bytes: count }),
  /** The last attempt failed. */
  CrawlerFailed: z.object({ ...run, ...attempt, ...failure }),
  /** The last attempt was aborted when its time was over. */
  CrawlerTimedOut: z.object({ ...run, ...attempt, ...failure }),
  /** Whoever ran it is gone or was told to stop. */
  CrawlerCrashed: z.object({
    ...run,
    /** The one that was under way or next. */
    attempt: z.int().min(1),
    startedAt: epochMs,
    finishedAt: epochMs,
    /** When its lease ran out; null when its process is known to be gone. */
    leaseUntil: epochMs.nullable(),
    /** The service was stopped in order: the run is made up for, and nobody needs to be told. */
    stopped: z.boolean(),
  }),
  /** It never began. */
  CrawlerSkipped: z.object({
    ...run,
    trigger,
    scheduledFor: epochMs.nullable(),
    skippedAt: epochMs,
    reason: z.enum(["paused", "breaker_open", "not_configured", "already_running", "no_session"]),
  }),
} as const;

/** What operators do to a crawler. Stream `crawler-<source>`. */
export const crawlerEvents = {
  CrawlerPaused: z.object({ source: name, reason: z.string() }),
  CrawlerResumed: z.object({ source: name }),
} as const;

export type CrawlerRunEvent = EventOf<typeof crawlerRunEvents>;
export type CrawlerEvent = EventOf<typeof crawlerEvents>;
