import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { type Decider, Refusal } from "./decider.ts";

type Data<T extends CrawlerRunEvent["type"]> = Extract<CrawlerRunEvent, { type: T }>["data"];
type Failure = Pick<
  Data<"CrawlerFailed">,
  "errorClass" | "errorMessage" | "httpStatus" | "response" | "rows" | "bytes"
>;

export interface EndedAttempt {
  readonly runId: string;
  /** From 1. */
  readonly attempt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly outcome:
    | { readonly status: "succeeded"; readonly rows: number; readonly bytes: number }
    | Failure & {
      readonly status: "failed" | "timed_out";
      /** Null when the run is over. */
      readonly retryAt: number | null;
    };
}

export interface LostRun {
  readonly runId: string;
  readonly at: number;
  /** Null when the process that ran it is known to be gone. */
  readonly leaseUntil: number | null;
  /** By whoever ran it, when the service stops. */
  readonly stopped: boolean;
}

export type CrawlerRunCommand =
  | { readonly type: "StartRun"; readonly data: Data<"CrawlerRunStarted"> }
  | { readonly type: "SkipRun"; readonly data: Data<"CrawlerSkipped"> }
  | { readonly type: "EndAttempt"; readonly data: EndedAttempt }
  | { readonly type: "CloseCrashed"; readonly data: LostRun };

type Started = Data<"CrawlerRunStarted">;
type Attempted = Extract<CrawlerRunEvent, { type: "CrawlerAttempted" }>;
type Final = Exclude<CrawlerRunEvent, { type: "CrawlerRunStarted" | "CrawlerAttempted" }>;

export type CrawlerRun =
  | { readonly status: "absent" }
  | {
    readonly status: "running";
    readonly run: Started;
    /** The last attempt that failed; null while the first one goes on. */
    readonly last: Attempted | null;
  }
  | { readonly status: "ended"; readonly run: Started | null; readonly final: Final };

/** How each final event is called where people see it. */
export const RUN_STATUS = {
  CrawlerSucceeded: "succeeded",
  CrawlerFailed: "failed",
  CrawlerTimedOut: "timed_out",
  CrawlerCrashed: "crashed",
  CrawlerSkipped: "skipped",
} as const satisfies Record<Final["type"], string>;

/** One run of a crawler: its first final state stays. Stream `crawler_run-<runId>`. */
export const crawlerRun: Decider<CrawlerRunCommand, CrawlerRunEvent, CrawlerRun> = {
  initial: { status: "absent" },

  decide({ type, data }, state) {
    switch (type) {
      case "StartRun": {
        if (state.status === "absent") return [{ type: "CrawlerRunStarted", data }];
        if (state.status === "running" && same(state.run, data)) return [];
        throw new Refusal("conflict", `Cannot start run ${data.runId}: it was started before`);
      }
      case "SkipRun":
        if (state.status === "absent") return [{ type: "CrawlerSkipped", data }];
        if (state.status === "ended" && state.final.type === "CrawlerSkipped") return [];
        throw new Refusal("conflict", `Cannot skip run ${data.runId}: it was started`);
      case "EndAttempt":
        return endAttempt(data, state);
      case "CloseCrashed":
        return closeCrashed(data, state);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case "CrawlerRunStarted":
        return { status: "running", run: event.data, last: null };
      case "CrawlerAttempted":
        return state.status === "running" ? { ...state, last: event } : state;
      case "CrawlerSucceeded":
      case "CrawlerFailed":
      case "CrawlerTimedOut":
      case "CrawlerCrashed":
      case "CrawlerSkipped": {
        const run = state.status === "running" ? state.run : null;
        return state.status === "ended" ? state : { status: "ended", run, final: event };
      }
    }
  },
};

function endAttempt(data: EndedAttempt, state: CrawlerRun): CrawlerRunEvent[] {
  const { runId, attempt } = data;
  if (state.status === "absent") throw unknownRun(runId);
  if (state.run === null) throw tooLate(data, "it was skipped");
  const ended = eventOf(data, state.run);
  if (state.status === "ended") {
    if (same(state.final, ended)) return [];
    throw tooLate(data, `it has ${RUN_STATUS[state.final.type].replace("_", " ")} before`);
  }
  if (state.last !== null && same(state.last, ended)) return [];
  const expected = (state.last?.data.attempt ?? 0) + 1;
  if (attempt !== expected) throw tooLate(data, `attempt ${expected} goes on`);
  return [ended];
}

function eventOf(
  { attempt, startedAt, finishedAt, outcome }: EndedAttempt,
  { runId, source, venue, maxAttempts }: Started,
): CrawlerRunEvent {
  const durationMs = Math.max(0, finishedAt - startedAt);
  const data = { runId, source, venue, attempt, startedAt, finishedAt, durationMs };
  if (outcome.status === "succeeded") {
    const { rows, bytes } = outcome;
    return { type: "CrawlerSucceeded", data: { ...data, rows, bytes } };
  }
  const { status, retryAt, ...failure } = outcome;
  if (retryAt !== null && attempt < maxAttempts) {
    return { type: "CrawlerAttempted", data: { ...data, ...failure, retryAt } };
  }
  const type = status === "failed" ? "CrawlerFailed" : "CrawlerTimedOut";
  return { type, data: { ...data, ...failure } };
}

function closeCrashed(
  { runId, at, leaseUntil, stopped }: LostRun,
  state: CrawlerRun,
): CrawlerRunEvent[] {
  if (state.status === "absent") throw unknownRun(runId);
  if (state.status === "ended") return [];
  if (leaseUntil !== null && at < leaseUntil) {
    throw new Refusal("conflict", `Cannot close run ${runId}: its lease has not run out`);
  }
  const { run: { source, venue, startedAt }, last } = state;
  const attempt = (last?.data.attempt ?? 0) + 1;
  return [{
    type: "CrawlerCrashed",
    data: { runId, source, venue, attempt, startedAt, finishedAt: at, leaseUntil, stopped },
  }];
}

function unknownRun(runId: string): Refusal {
  return new Refusal("not_found", `Cannot find run ${runId}: it was never started`);
}

function tooLate({ runId, attempt }: EndedAttempt, reason: string): Refusal {
  return new Refusal("conflict", `Cannot end attempt ${attempt} of run ${runId}: ${reason}`);
}

/** Whatever order their fields have: jsonb does not keep it. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}
