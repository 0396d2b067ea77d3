import { type CrawlFailure, failureOf } from "@/domain/crawlers/failure.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import type { BlobRef } from "@/events/blobs/blobs.ts";
import { failureFields } from "../error_message.ts";
import type { JobContext, JobReport } from "../job.ts";
import type { OwnRun, SupervisorDeps } from "./supervisor_deps.ts";

export type AttemptOutcome =
  | { readonly status: "succeeded"; readonly report: JobReport }
  | {
    readonly status: "failed" | "timed_out";
    readonly failure: CrawlFailure;
    readonly response: BlobRef | null;
  };

type Deps = Pick<SupervisorDeps, "blobs" | "clock" | "log" | "timeoutMs">;

/** Work that was told to stop is waited for no longer than this. */
const GRACE_MS = 10_000;

/**
 * One try within its time. Work that goes on after it was told to stop is left behind; nobody hears
 * what it says later. Throws the signal's reason when the run itself is to stop.
 */
export async function runAttempt(
  deps: Deps,
  { source, runId, at }: OwnRun,
  { signal, progress }: JobContext,
): Promise<AttemptOutcome> {
  const { clock } = deps;
  const attempt = new AbortController();
  const over = new AbortController();
  const stop = () => attempt.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const limitMs = source.timeoutMs === undefined ? deps.timeoutMs : source.timeoutMs;
  if (limitMs !== null) {
    clock.sleep(limitMs, over.signal).then(() => attempt.abort(tooLong(limitMs)), () => {});
  }
  try {
    const work = source.run({ signal: attempt.signal, progress, runId, at });
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

function tooLong(limitMs: number): DOMException {
  return new DOMException(`It took longer than ${limitMs / 1_000} s`, "TimeoutError");
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
  const answer = error instanceof SourceError ? error.response : undefined;
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
  return { status, failure, response };
}
