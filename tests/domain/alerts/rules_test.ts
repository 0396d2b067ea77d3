import { deepEqual, equal } from "node:assert/strict";
import {
  DEFAULT_ALERTS,
  dueAlerts,
  nextAlertAt,
  NO_ALERTS,
  noteAlert,
  noteRun,
  type SourceAlerts,
} from "@/domain/alerts/rules.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import { alertEvents } from "@/events/catalog/alert.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import {
  attempted,
  crashed,
  failed,
  MINUTE,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../../support/crawler_runs.ts";

const source = "openvlab";
const HOUR = 60 * MINUTE;

/** Kind and covered runs of each alert, so that a table stays readable. */
function short({ kind, failures, recovery, failing }: RaisedAlert): string {
  const runs = failures.map(({ runId }) => runId).join(" ");
  const back = recovery === null ? "" : ` > ${recovery.runId}`;
  return `${kind} ${runs}${back} (${failing?.runs} since ${(failing?.since ?? 0) / MINUTE})`;
}

/** What is raised when the rules are asked after every event, at its time. */
function raised(
  ...events: readonly (readonly [at: number, event: CrawlerRunEvent | "ask"])[]
): string[] {
  let state: SourceAlerts = NO_ALERTS;
  return events.flatMap(([minute, event]) => {
    if (event !== "ask") state = noteRun(state, event);
    const alerts = dueAlerts(state, { source, at: minute * MINUTE });
    state = alerts.reduce(noteAlert, state);
    return alerts.map((alert) => `${minute}: ${short(alert)}`);
  });
}

const fail = (minute: number) => failed({ runId: `f${minute}`, at: minute * MINUTE });
const ok = (minute: number) => succeeded({ runId: `s${minute}`, at: minute * MINUTE });

Deno.test("alert rules tell a final failure at once", () => {
  deepEqual(raised([1, fail(1)]), ["1: failure f1 (1 since 1)"]);
});

Deno.test("alert rules tell every way to fail for good, and none that is not", () => {
  const ends = [timedOut({ runId: "t", at: MINUTE }), crashed({ runId: "c", at: MINUTE })];
  for (const end of ends) equal(raised([1, end]).length, 1);
  const stop = crashed({ runId: "x", at: MINUTE });
  const stopped = stop.type === "CrawlerCrashed"
    ? { ...stop, data: { ...stop.data, stopped: true } }
    : stop;
  for (const event of [started(), attempted(), skipped(), succeeded(), stopped]) {
    deepEqual(raised([1, event], [90, "ask"]), []);
  }
});

Deno.test("alert rules fold failures of a source that is known to fail into one digest an hour", () => {
  deepEqual(
    raised([1, fail(1)], [20, fail(20)], [40, fail(40)], [60, "ask"], [61, "ask"], [62, "ask"]),
    ["1: failure f1 (1 since 1)", "61: digest f20 f40 (3 since 1)"],
  );
});

Deno.test("alert rules count the hour anew from each digest", () => {
  deepEqual(
    raised([1, fail(1)], [20, fail(20)], [61, "ask"], [70, fail(70)], [120, "ask"], [121, "ask"]),
    [
      "1: failure f1 (1 since 1)",
      "61: failure f20 (2 since 1)",
      "121: failure f70 (3 since 1)",
    ],
  );
});

Deno.test("alert rules tell the recovery at once, with failures nobody was told of", () => {
  deepEqual(
    raised([1, fail(1)], [20, fail(20)], [30, ok(30)], [40, ok(40)], [99, "ask"]),
    ["1: failure f1 (1 since 1)", "30: recovery f20 > s30 (2 since 1)"],
  );
});

Deno.test("alert rules tell what fails after a recovery at once, however soon, be it a crash", () => {
  const crash = crashed({ runId: "c5", at: 5 * MINUTE });
  deepEqual(raised([1, fail(1)], [2, ok(2)], [3, fail(3)], [4, ok(4)], [5, crash]), [
    "1: failure f1 (1 since 1)",
    "2: recovery  > s2 (1 since 1)",
    "3: failure f3 (1 since 3)",
    "4: recovery  > s4 (1 since 3)",
    "5: failure c5 (1 since 5)",
  ]);
});

Deno.test("alert rules count times of failing: a digest and a recovery that tells failures are none", () => {
  const long = [[0, fail(0)], [30, fail(30)], [60, "ask"], [61, fail(61)], [62, ok(62)]] as const;
  deepEqual(raised(...long, [63, fail(63)], [64, ok(64)], [65, fail(65)]), [
    ...["0: failure f0 (1 since 0)", "60: failure f30 (2 since 0)"],
    ...["62: recovery f61 > s62 (3 since 0)", "63: failure f63 (1 since 63)"],
    ...["64: recovery  > s64 (1 since 63)", "65: failure f65 (1 since 65)"],
  ]);
});

Deno.test("alert rules fold what repeats itself after a recovery as they do before one", () => {
  deepEqual(
    raised([1, fail(1)], [2, ok(2)], [3, fail(3)], [9, fail(9)], [62, "ask"], [63, "ask"]),
    [
      "1: failure f1 (1 since 1)",
      "2: recovery  > s2 (1 since 1)",
      "3: failure f3 (1 since 3)",
      "63: failure f9 (2 since 3)",
    ],
  );
});

Deno.test("alert rules tell of three times of failing an hour, and what comes and goes more often together", () => {
  const turns = Array.from({ length: 12 }, (_, n) => {
    const at = 5 * n;
    return [[at, fail(at)], [at + 2, ok(at + 2)]] as const;
  }).flat();
  deepEqual(raised(...turns, [60, "ask"], [63, fail(63)], [65, fail(65)], [66, ok(66)]), [
    ...["0: failure f0 (1 since 0)", "2: recovery  > s2 (1 since 0)"],
    ...["5: failure f5 (1 since 5)", "7: recovery  > s7 (1 since 5)"],
    ...["10: failure f10 (1 since 10)", "12: recovery  > s12 (1 since 10)"],
    "60: recovery f15 f20 f25 f30 f35 f40 f45 f50 f55 > s57 (1 since 55)",
    "65: digest f63 f65 (2 since 63)",
    "66: recovery  > s66 (2 since 63)",
  ]);
});

Deno.test("alert rules tell at the end of the hour that it fails still, and then its recovery at once", () => {
  const turns = [0, 2, 4, 6, 8].map((at) => [[at, fail(at)], [at + 1, ok(at + 1)]] as const);
  deepEqual(
    raised(...turns.flat(), [10, fail(10)], [59, "ask"], [60, "ask"], [61, ok(61)]).slice(6),
    [
      "60: digest f6 f8 f10 (1 since 10)",
      "61: recovery  > s61 (1 since 10)",
    ],
  );
});

Deno.test("alert rules asked late tell the failure before its recovery, and what came in turn at once", () => {
  const after = (...events: readonly CrawlerRunEvent[]) =>
    dueAlerts(events.reduce(noteRun, NO_ALERTS), { source, at: HOUR }).map(short);
  deepEqual(after(fail(1), fail(2), ok(3), ok(4)), [
    "digest f1 f2 (2 since 1)",
    "recovery  > s3 (2 since 1)",
  ]);
  deepEqual(after(fail(1), fail(2), ok(3), ok(4), fail(5), ok(6), fail(7)), [
    "digest f1 f2 f5 f7 (1 since 7)",
  ]);
});

Deno.test("alert rules do not wait for a clock that was ahead when the last alert was raised", () => {
  const day = 24 * HOUR;
  let state = noteRun(NO_ALERTS, fail(day / MINUTE));
  state = dueAlerts(state, { source, at: day }).reduce(noteAlert, state);
  state = noteRun(state, fail(1));
  deepEqual(dueAlerts(state, { source, at: MINUTE }).map(short), [
    "failure f1 (2 since 1440)",
  ]);
});

Deno.test("alert rules put at most two hundred failures into one alert and leave out none", () => {
  let state = noteRun(NO_ALERTS, fail(0));
  state = dueAlerts(state, { source, at: 0 }).reduce(noteAlert, state);
  for (let i = 1; i <= 450; i++) state = noteRun(state, fail(i));
  const alerts = dueAlerts(state, { source, at: 0 });
  deepEqual(alerts.map(({ failures }) => failures.length), [200, 200]);
  deepEqual(alerts.map(({ failing }) => failing?.runs), [201, 401]);
  state = alerts.reduce(noteAlert, state);
  deepEqual(dueAlerts(state, { source, at: HOUR }).map(({ failures }) => failures.length), [50]);
});

Deno.test("alert rules give alerts that the log accepts, also of long and broken messages", () => {
  const errorMessage = `${"x".repeat(499)}\u{1F4C8} and more`;
  const state = noteRun(NO_ALERTS, failed({ errorMessage }));
  const [alert] = dueAlerts(state, { source, at: 0 });
  deepEqual(alertEvents.AlertRaised.parse(alert), alert);
  equal(alert?.failures[0]?.errorMessage, `${"x".repeat(499)}\uFFFD`);
});

Deno.test("alert rules keep what an alert says of a failure", () => {
  const [alert] = dueAlerts(
    noteRun(NO_ALERTS, failed({ runId: "r", at: 5_000, attempt: 4, httpStatus: 429 })),
    { source, at: 6_000 },
  );
  deepEqual(alert?.failures, [{
    ...{ runId: "r", status: "failed", finishedAt: 5_000, attempts: 4 },
    ...{ errorClass: "ServerError", errorMessage: "it answered HTTP 503", httpStatus: 429 },
  }]);
  equal(alert?.raisedAt, 6_000);
});

Deno.test("ids of alerts follow from the first run they tell, so that two of one run collide", () => {
  const one = noteRun(noteRun(NO_ALERTS, fail(1)), fail(2));
  const id = (state: SourceAlerts) => dueAlerts(state, { source, at: 0 })[0]?.alertId;
  equal(id(one), id(noteRun(NO_ALERTS, fail(1))));
  equal(id(one) === id(noteRun(NO_ALERTS, fail(2))), false);
});

Deno.test("alert rules know when they will have something to tell", () => {
  const first = noteRun(NO_ALERTS, fail(1));
  equal(nextAlertAt(NO_ALERTS), undefined);
  equal(nextAlertAt(first), -Infinity);
  const told = dueAlerts(first, { source, at: MINUTE }).reduce(noteAlert, first);
  equal(nextAlertAt(told), undefined);
  const again = noteRun(told, fail(2));
  equal(nextAlertAt(again), MINUTE + DEFAULT_ALERTS.digestMs);
  equal(nextAlertAt(noteRun(again, ok(3))), -Infinity);
  const back = noteRun(told, ok(3));
  const well = dueAlerts(back, { source, at: 3 * MINUTE }).reduce(noteAlert, back);
  equal(nextAlertAt(well), undefined);
  equal(nextAlertAt(noteRun(well, fail(4))), -Infinity);
  const flapping = { ...well, episodes: [1, 2, 3].map((minute) => minute * MINUTE) };
  equal(nextAlertAt(noteRun(flapping, fail(4))), MINUTE + DEFAULT_ALERTS.digestMs);
});

Deno.test("a report is no news of a crawler", () => {
  const state = noteRun(NO_ALERTS, fail(1));
  const [alert] = dueAlerts(state, { source, at: 0 });
  deepEqual(alert && noteAlert(state, { ...alert, kind: "report" }), state);
});
