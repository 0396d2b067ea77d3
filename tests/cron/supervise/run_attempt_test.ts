import { deepEqual, equal, rejects } from "node:assert/strict";
import type { Job, JobReport } from "@/cron/job.ts";
import { runAttempt } from "@/cron/supervise/run_attempt.ts";
import { DEFAULT_RETRY } from "@/domain/crawlers/retry_policy.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { turns } from "../../support/pass_time.ts";
import { quietLog } from "../../support/quiet_log.ts";

const GRACE_MS = 10_000;
const response = {
  ...{ status: 503, contentType: "text/plain", truncated: false },
  bytes: new TextEncoder().encode("out of order"),
};
const refused = () =>
  new SourceError("Cannot crawl sina: 503", {
    ...{ source: "sina", op: "GET /", errorClass: "server", httpStatus: 503, response },
  });

/** One attempt of some work, on a clock that the test turns. */
function scene(run: Job["run"], timeoutMs?: number) {
  const clock = fakeClock(0);
  const stop = new AbortController();
  const errors: string[] = [];
  const trying = runAttempt({
    ...{ clock, timeoutMs: 300_000 },
    log: { ...quietLog, error: (message) => errors.push(message) },
    blobs: { put: () => Promise.reject(new Error("the disk is full")) },
  }, {
    ...{ runId: "run-1", at: 0, actor: "me", policy: DEFAULT_RETRY },
    source: { name: "daily", schedule: "* * * * *", run, timeoutMs },
  }, { signal: stop.signal, progress: silentProgress, stored: () => {} });
  const outcome = trying.then((ended) =>
    ended.status === "succeeded"
      ? ended.status
      : `${ended.status} ${ended.failure.errorClass} ${ended.response?.sha256 ?? "no answer"}`
  );
  outcome.catch(() => {});
  return { clock, stop, errors, outcome };
}

/** Ends with the reason that it was given, or in words of its own. */
const heeding = (own?: Error): Job["run"] => ({ signal }) =>
  new Promise<JobReport>((_, reject) =>
    signal.addEventListener("abort", () => reject(own ?? signal.reason))
  );

Deno.test("an attempt has failed with what its source said, also where the answer cannot be kept", async () => {
  const { outcome, errors } = scene(() => Promise.reject(refused()));
  equal(await outcome, "failed ServerError no answer");
  deepEqual(errors, []);
});

Deno.test("an attempt that fails by a fault of this program is told to who runs it", async () => {
  const { outcome, errors } = scene(() =>
    Promise.reject(new TypeError("undefined is no function"))
  );
  equal(await outcome, "failed InternalError no answer");
  equal(errors.length, 1);
});

Deno.test("an attempt that was too long has timed out, in whatever words its source ends, at its own limit", async () => {
  for (const own of [undefined, refused()]) {
    const { outcome, clock } = scene(heeding(own), 5_000);
    await turns(1);
    clock.advance(5_000);
    equal(await outcome, "timed_out Timeout no answer");
    deepEqual(clock.sleepers(), []);
  }
});

Deno.test("an attempt of a run that is to stop ends with that reason, and leaves work that does not hear", async () => {
  const deaf: Job["run"] = () => new Promise(() => {});
  for (const run of [heeding(), heeding(refused()), deaf]) {
    const { outcome, clock, stop } = scene(run);
    const reason = new Error("the service stops");
    stop.abort(reason);
    if (run === deaf) {
      await turns(1);
      clock.advance(GRACE_MS);
    }
    await rejects(outcome, reason);
  }
});
