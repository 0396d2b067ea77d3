import { z } from "zod";
import type { EventOf } from "../define.ts";

const name = z.string().min(1);
const epochMs = z.int();

/** A run that failed for good, as far as an alert tells of it. */
const failure = z.object({
  runId: name,
  status: z.enum(["failed", "timed_out", "crashed"]),
  finishedAt: epochMs,
  attempts: z.int().min(1),
  errorClass: name,
  errorMessage: z.string().max(500),
  httpStatus: z.int().nullable(),
});

/** Something that people were to be told, and whether they were. Stream `alert-<alertId>`. */
export const alertEvents = {
  /** `failure`: one run; `digest`: several; `recovery`: with the failures nobody had been told of. */
  AlertRaised: z.object({
    alertId: name,
    kind: z.enum(["failure", "digest", "recovery", "report"]),
    /** The crawler; of a report, which one. */
    source: name,
    raisedAt: epochMs,
    /** Who is to be told; one that came later is not. Null: nobody said, so whoever there is. */
    channels: z.array(name).nullable(),
    /** Oldest first. A failed run is in exactly one alert. */
    failures: z.array(failure).max(200),
    /** How long it has been failing: the end of the first failed run, and how many there were. */
    failing: z.object({ since: epochMs, runs: z.int().min(1) }).nullable(),
    /** The run that succeeded again. */
    recovery: z.object({ runId: name, at: epochMs }).nullable(),
    /** Of a report, which is told as it was written. */
    text: z.object({ title: name, markdown: z.string() }).nullable(),
  }),
  AlertSent: z.object({ alertId: name, channel: name, sentAt: epochMs, attempt: z.int().min(1) }),
  /** Recorded when a delivery starts to fail or fails for another reason, not on every attempt. */
  AlertFailed: z.object({
    alertId: name,
    channel: name,
    failedAt: epochMs,
    attempt: z.int().min(1),
    error: z.string(),
    retryAt: epochMs,
  }),
  /** The channel is not asked to take it again: it refused it and took others, or it was silent for too long. */
  AlertGivenUp: z.object({
    alertId: name,
    channel: name,
    givenUpAt: epochMs,
    reason: z.enum(["refused", "too_old"]),
    /** How often it was tried by the process that gave it up. */
    attempts: z.int().min(0),
  }),
} as const;

export type AlertEvent = EventOf<typeof alertEvents>;
export type RaisedAlert = Extract<AlertEvent, { type: "AlertRaised" }>["data"];
export type AlertedFailure = z.infer<typeof failure>;
