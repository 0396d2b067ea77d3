import type { AlertedFailure, RaisedAlert } from "@/events/catalog/alert.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { uuidV5 } from "@/events/uuid.ts";

/** What people know of one crawler and what they have yet to be told. Fold of its runs and alerts. */
export interface SourceAlerts {
  /** They know that it fails. */
  readonly told: boolean;
  /** When they were told last; failures that repeat themselves wait from here. */
  readonly toldAt: number | null;
  /** When they were told of its last times of failing, each ended by a recovery; as many as count. */
  readonly episodes: readonly number[];
  /** The failures since its last success; null while it works. */
  readonly failing: RaisedAlert["failing"];
  /** Oldest first. */
  readonly untold: readonly News[];
}

type News =
  | { readonly type: "failure"; readonly failure: AlertedFailure; readonly failing: Failing }
  | { readonly type: "recovery"; readonly recovery: Recovery; readonly failing: Failing };
type NewsOf<T extends News["type"]> = Extract<News, { type: T }>;
type Failing = NonNullable<RaisedAlert["failing"]>;
type Recovery = NonNullable<RaisedAlert["recovery"]>;

export interface AlertPolicy {
  /**
   * Failures of a source that is known to fail are told together, this long after the last alert.
   * Of one that fails and recovers in turn, people are told of three times of failing in so long.
   */
  readonly digestMs: number;
}

export const DEFAULT_ALERTS: AlertPolicy = { digestMs: 3_600_000 };
export const NO_ALERTS: SourceAlerts = {
  ...{ told: false, toldAt: null, episodes: [] },
  ...{ failing: null, untold: [] },
};

/** Ids of alerts derive from what they tell, so that two who raise the same one collide. */
const NAMESPACE = "b2f0c9c4-52a7-5b0e-8f0e-5d1f0a5e7c11";
const MOST_FAILURES = 200;
const MOST_EPISODES = 3;
const LONGEST_MESSAGE = 500;
/** Clocks of several machines differ by less. */
const AHEAD_MS = 300_000;

/** Takes in the end of a run; each is to come once. Runs that were skipped or go on tell nothing. */
export function noteRun(state: SourceAlerts, event: CrawlerRunEvent): SourceAlerts {
  switch (event.type) {
    case "CrawlerFailed":
    case "CrawlerTimedOut":
    case "CrawlerCrashed": {
      if (event.type === "CrawlerCrashed" && event.data.stopped) return state;
      const failure = alertedFailure(event);
      const { since = failure.finishedAt, runs = 0 } = state.failing ?? {};
      const failing = { since, runs: runs + 1 };
      return {
        ...state,
        failing,
        untold: [...state.untold, { type: "failure", failure, failing }],
      };
    }
    case "CrawlerSucceeded": {
      const { failing, untold } = state;
      if (failing === null) return state;
      const recovery = { runId: event.data.runId, at: event.data.finishedAt };
      return {
        ...state,
        failing: null,
        untold: [...untold, { type: "recovery", recovery, failing }],
      };
    }
    case "CrawlerRunStarted":
    case "CrawlerAttempted":
    case "CrawlerSkipped":
      return state;
  }
}

/** Takes in that an alert was raised: what it tells is told, and so are recoveries before that. */
export function noteAlert(state: SourceAlerts, alert: RaisedAlert): SourceAlerts {
  if (alert.kind === "report") return state;
  const told = new Set(alert.failures.map(({ runId }) => runId));
  const isTold = (news: News) =>
    news.type === "failure"
      ? told.has(news.failure.runId)
      : news.recovery.runId === alert.recovery?.runId;
  const last = state.untold.findLastIndex(isTold);
  const untold = state.untold.filter((news, i) =>
    !isTold(news) && (i > last || news.type === "failure")
  );
  const { raisedAt } = alert;
  const isEpisode = !state.told && alert.failures.length > 0;
  const episodes = isEpisode ? [...state.episodes, raisedAt].slice(-MOST_EPISODES) : state.episodes;
  return { ...state, untold, told: alert.recovery === null, toldAt: raisedAt, episodes };
}

export interface RaiseRequest {
  readonly source: string;
  /** Now, epoch ms. */
  readonly at: number;
  readonly policy?: AlertPolicy | undefined;
}

/**
 * The alerts that are to be raised now, in order: the first failure, the recovery and the first failure
 * after it at once, further failures together once in `digestMs`. What fails and recovers too often
 * for that is told together, with what recovered in between. Raised and noted, nothing is due again.
 */
export function dueAlerts(state: SourceAlerts, request: RaiseRequest): readonly RaisedAlert[] {
  const { at, policy: { digestMs } = DEFAULT_ALERTS } = request;
  const alerts: RaisedAlert[] = [];
  let { told } = state;
  let waiting: NewsOf<"failure">[] = [];
  let back: NewsOf<"recovery"> | undefined;
  const raise = (recovery: Recovery | null, failing: Failing | null) => {
    alerts.push(alertOf(request, { failures: waiting, recovery, failing }));
    [waiting, back, told] = [[], undefined, recovery === null];
  };
  for (const news of state.untold) {
    if (news.type === "failure") {
      waiting.push(news);
      back = undefined;
      if (waiting.length === MOST_FAILURES) raise(null, news.failing);
    } else if (told) raise(news.recovery, news.failing);
    else back = news;
  }
  const [first] = waiting;
  const since = quietSince({ ...state, told });
  // One that lies ahead was told by a clock that was wrong.
  const quietUntil = since > at + AHEAD_MS ? -Infinity : since + digestMs;
  if (at < quietUntil) return alerts;
  // Nobody is told of a recovery before the failure itself, but where it comes and goes.
  const isFlapping = first !== undefined && first.failure.finishedAt < quietUntil;
  const { failing = null } = waiting.at(-1) ?? {};
  if (first !== undefined && (back === undefined || !isFlapping)) {
    const recovered = back;
    raise(null, failing);
    back = recovered;
  }
  if (back !== undefined) raise(back.recovery, back.failing);
  return alerts;
}

/** When something will be due if nothing else happens; undefined when all is told. */
export function nextAlertAt(
  state: SourceAlerts,
  { digestMs }: AlertPolicy = DEFAULT_ALERTS,
): number | undefined {
  const { untold, told } = state;
  if (untold.length === 0) return undefined;
  const failures = untold.filter(({ type }) => type === "failure").length;
  const isAtOnce = failures >= MOST_FAILURES || (told && failures < untold.length);
  return isAtOnce ? -Infinity : quietSince(state) + digestMs;
}

/** From when on failures wait to be told together; -Infinity where they do not. */
function quietSince({ told, toldAt, episodes }: SourceAlerts): number {
  if (told) return toldAt ?? -Infinity;
  return episodes.at(-MOST_EPISODES) ?? -Infinity;
}

interface Told {
  readonly failures: readonly NewsOf<"failure">[];
  readonly recovery: Recovery | null;
  readonly failing: Failing | null;
}

function alertOf(
  { source, at }: RaiseRequest,
  { failures: news, recovery, failing }: Told,
): RaisedAlert {
  const failures = news.map(({ failure }) => failure);
  const [first] = failures;
  const about = first === undefined ? `recovery:${recovery?.runId}` : `failure:${first.runId}`;
  const kind = recovery !== null ? "recovery" : failures.length === 1 ? "failure" : "digest";
  return {
    ...{ alertId: uuidV5(NAMESPACE, about), kind, source, raisedAt: at, channels: null },
    ...{ failures, failing, recovery, text: null },
  };
}

type Lost = Extract<
  CrawlerRunEvent,
  { type: "CrawlerFailed" | "CrawlerTimedOut" | "CrawlerCrashed" }
>;

function alertedFailure({ type, data }: Lost): AlertedFailure {
  const { runId, finishedAt, attempt: attempts } = data;
  const run = { runId, finishedAt, attempts };
  if (type === "CrawlerCrashed") {
    const errorMessage = "";
    return { ...run, status: "crashed", errorClass: "Crashed", errorMessage, httpStatus: null };
  }
  const { errorClass, errorMessage: message, httpStatus } = data;
  // A pair of surrogates that is cut in two could not be stored.
  const errorMessage = message.slice(0, LONGEST_MESSAGE).toWellFormed();
  const status = type === "CrawlerFailed" ? "failed" : "timed_out";
  return { ...run, status, errorClass, errorMessage, httpStatus };
}
