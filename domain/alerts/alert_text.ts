import type { AlertedFailure, RaisedAlert } from "@/events/catalog/alert.ts";
import { durationText, type Language, localTime, plainText } from "./language.ts";
import { PHRASES, type Phrases } from "./phrases.ts";

export interface TextOptions {
  readonly language: Language;
  /** IANA name of the zone in which times are shown. */
  readonly timeZone: string;
  /** Where a run can be looked at. */
  readonly linkTo: (runId: string) => string;
}

export interface AlertText {
  readonly title: string;
  readonly markdown: string;
}

const MOST_RUNS = 10;

/** An alert as people read it. */
export function alertText(alert: RaisedAlert, options: TextOptions): AlertText {
  if (alert.text !== null) return alert.text;
  const words = PHRASES[options.language];
  const { source, failures, recovery } = alert;
  const [only] = failures;
  if (recovery !== null) {
    const title = words.recovered(source);
    return { title, markdown: lines(recoveryLines(alert, options)) };
  }
  if (only !== undefined && failures.length === 1) {
    const again = (alert.failing?.runs ?? 1) > 1;
    const title = again ? words.failedAgain(source, 1) : words.failed(source);
    const history = again ? failingLines(alert, options) : [];
    return { title, markdown: lines([...failureLines(source, only, options), ...history]) };
  }
  const title = words.failedAgain(source, failures.length);
  return { title, markdown: lines(digestLines(alert, options)) };
}

type Line = readonly [label: string, value: string] | string;

function failureLines(source: string, failure: AlertedFailure, options: TextOptions): Line[] {
  const words = PHRASES[options.language];
  return [
    [words.source, source],
    [words.time, zoned(failure.finishedAt, options)],
    [words.attempts, String(failure.attempts)],
    [words.error, words.errorClass(failure.errorClass)],
    [words.message, messageOf(failure, words)],
    [words.status, String(failure.httpStatus ?? "-")],
    [words.run, link(failure.runId, options)],
  ];
}

function digestLines(alert: RaisedAlert, options: TextOptions): Line[] {
  const words = PHRASES[options.language];
  const latest = alert.failures.at(-1);
  return [
    [words.source, alert.source],
    ...failingLines(alert, options),
    ...listLines(alert.failures, options),
    ...inTurnLines(alert, options),
    ...(latest === undefined ? [] : [[words.latest, messageOf(latest, words)] as const]),
  ];
}

function recoveryLines(alert: RaisedAlert, options: TextOptions): Line[] {
  const words = PHRASES[options.language];
  const { recovery, failing, failures, source, raisedAt } = alert;
  const { at, runId } = recovery ?? { at: raisedAt, runId: "" };
  const after = durationText(at - (failing?.since ?? at), options.language);
  return [
    [words.source, source],
    [words.recoveredAt, zoned(at, options)],
    ...failingLines(alert, options),
    [words.after, after],
    [words.run, link(runId, options)],
    ...(failures.length === 0 ? [] : [words.notToldYet(failures.length)]),
    ...inTurnLines(alert, options),
    ...listLines(failures, options),
  ];
}

function failingLines({ failing }: RaisedAlert, options: TextOptions): Line[] {
  if (failing === null) return [];
  const words = PHRASES[options.language];
  return [
    [words.failingSince, zoned(failing.since, options)],
    [words.failedRuns, words.times(failing.runs)],
  ];
}

/** More failures than those since it last worked: it worked in between. */
function inTurnLines({ failures, failing }: RaisedAlert, { language }: TextOptions): Line[] {
  const isInTurn = failing !== null && failures.length > failing.runs;
  return isInTurn ? [PHRASES[language].inTurn] : [];
}

/** The newest runs, and how many failed in which way. */
function listLines(failures: readonly AlertedFailure[], options: TextOptions): Line[] {
  if (failures.length === 0) return [];
  const words = PHRASES[options.language];
  const counts = Map.groupBy(failures, ({ errorClass }) => errorClass);
  const byError = [...counts].map(([name, { length }]) => `${words.errorClass(name)} × ${length}`);
  const shown = failures.slice(-MOST_RUNS).map(({ runId, finishedAt, errorClass, httpStatus }) => {
    const what = httpStatus === null ? errorClass : `${errorClass} ${httpStatus}`;
    return `${localTime(finishedAt, options.timeZone)} ${what} ${link(runId, options)}`;
  });
  const hidden = failures.length - shown.length;
  const more = hidden === 0 ? [] : [words.more(hidden)];
  return [[words.byError, byError.join(", ")], ...shown, ...more];
}

function lines(all: readonly Line[]): string {
  return all.map((line) => typeof line === "string" ? `- ${line}` : `- **${line[0]}** ${line[1]}`)
    .join("\n");
}

function messageOf({ status, errorMessage }: AlertedFailure, words: Phrases): string {
  return status === "crashed" ? words.crashed : plainText(errorMessage);
}

function zoned(at: number, { timeZone }: TextOptions): string {
  return `${localTime(at, timeZone)} (${timeZone})`;
}

function link(runId: string, { linkTo }: TextOptions): string {
  return `[${runId}](${linkTo(runId)})`;
}
