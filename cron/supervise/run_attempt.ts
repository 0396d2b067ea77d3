import { type CrawlFailure, failureOf } from "@/domain/crawlers/failure.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import { SourceError, type StoredParts } from "@/domain/ports/source_error.ts";
import type { BlobRef } from "@/events/blobs/blobs.ts";
import { failureFields } from "../error_message.ts";
import type { JobContext, JobReport, JobRun } from "../job.ts";
import type { OwnRun, SupervisorDeps } from "./supervisor_deps.ts";

export type AttemptOutcome =
  | { readonly status: "succeeded"; readonly report: JobReport }
  | {
    readonly status: "failed" | "timed_out";
    readonly failure: CrawlFailure;
    readonly response: BlobRef | null;
    readonly stored: StoredParts | undefined;
  };

type Deps = Pick<SupervisorDeps, "blobs" | "clock" | "log" | "timeoutMs">;

/** Work without a limit that has shown nothing new for so long hangs. */
const IDLE_MS = 3_600_000;
/** Work that was told to stop is waited for no longer than this. */
const GRACE_MS = 10_000;

/**
 * One try within its time. Work that goes on after it was told to stop is left behind; nobody hears
 * what it says later. Throws the signal's reason when the run itself is to stop.
 */
export async function runAttempt(
  deps: Deps,
  { source, runId, at }: OwnRun,
  { signal, progress, stored }: JobContext & Pick<JobRun, "stored">,
): Promise<AttemptOutcome> {
  signal.throwIfAborted();
  const { clock } = deps;
  const attempt = new AbortController();
  const over = new AbortController();
  const stop = () => attempt.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const limitMs = source.timeoutMs === undefined ? deps.timeoutMs : source.timeoutMs;
  const shown = limitMs === null ? watched(progress, clock) : undefined;
  limitTime({ clock, signal: over.signal, limitMs, lastAt: shown?.lastAt })
    .then((error) => attempt.abort(error), () => {});
  try {
    const work = source.run({
      signal: attempt.signal,
      progress: shown?.progress ?? progress,
      ...{ runId, at, stored },
    });
    const abandoned = Promise.withResolvers<never>();
    attempt.signal.addEventListener("abort", () => {
      clock.sleep(GRACE_MS, over.signal)
        .then(() => abandoned.reject(attempt.signal.reason), () => {});
    }, { once: true });
    return { status: "succeeded", report: await Promise.race([work, abandoned.promise]) };
  } catch (error) {
    signal.throwIfAborted();
    return await failed(deps, source.name, { error, reason: attempt.signal.reason });
  } finally {
    signal.removeEventListener("abort", stop);
    over.abort();
  }
}

interface Limit {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Of all the work; null while it shows that it goes on. */
  readonly limitMs: number | null;
  /** When it last showed anything. */
  readonly lastAt?: (() => number) | undefined;
}

/** Resolves when the time is over. */
async function limitTime({ clock, signal, limitMs, lastAt }: Limit): Promise<DOMException> {
  if (limitMs !== null) {
    await clock.sleep(limitMs, signal);
    return tooLong(`It took longer than ${limitMs / 1_000} s`);
  }
  for (;;) {
    const idleMs = clock.now() - (lastAt?.() ?? 0);
    if (idleMs >= IDLE_MS) return tooLong(`It showed nothing new for ${IDLE_MS / 60_000} minutes`);
    await clock.sleep(IDLE_MS - idleMs, signal);
  }
}

function tooLong(message: string): DOMException {
  return new DOMException(message, "TimeoutError");
}

/** The same progress, and when it last moved. */
function watched(
  progress: Progress,
  clock: Clock,
): { readonly progress: Progress; readonly lastAt: () => number } {
  let at = clock.now();
  const moved = () => void (at = clock.now());
  return {
    lastAt: () => at,
    progress: {
      start: (...given) => (moved(), progress.start(...given)),
      advance: (by) => (moved(), progress.advance(by)),
      total: (total) => (moved(), progress.total(total)),
      note: (...given) => (moved(), progress.note(...given)),
      finish: () => (moved(), progress.finish()),
    },
  };
}

/** `reason` is why the work was told to stop; undefined when it was not. */
async function failed(
  { blobs, log }: Deps,
  source: string,
  { error, reason }: { readonly error: unknown; readonly reason: unknown },
): Promise<AttemptOutcome> {
  const own = failureOf(error);
  const failure = reason === undefined || own.errorClass === "Timeout" ? own : failureOf(reason);
  if (failure.errorClass === "InternalError") {
    log.error("a source failed by a fault of this program", { source, ...failureFields(error) });
  }
  const { response: answer, stored } = error instanceof SourceError ? error : NOTHING;
  const response = answer === undefined || answer.bytes.length === 0
    ? null
    : await blobs.put(answer.bytes).catch((cause: unknown) => {
      log.warn("cannot keep the answer that a source failed on", {
        source,
        ...failureFields(cause),
      });
      return null;
    });
  const status = failure.errorClass === "Timeout" ? "timed_out" : "failed";
  return { status, failure, response, stored };
}

const NOTHING = { response: undefined, stored: undefined };
