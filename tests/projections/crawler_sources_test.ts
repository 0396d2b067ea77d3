import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { dueAlerts, NO_ALERTS, noteAlert, noteRun } from "@/domain/alerts/rules.ts";
import { CLOSED, evolveBreaker } from "@/domain/crawlers/breaker.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { addRun, emptyDay } from "@/domain/reports/source_day.ts";
import { type CrawlerSourceRow, crawlerSources } from "@/projections/crawler_sources.ts";
import { type CrawlerVenueRow, crawlerVenues } from "@/projections/crawler_venues.ts";
import {
  crashed,
  endEvent,
  failed,
  MINUTE,
  runEnds,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../support/crawler_runs.ts";
import { raisedAlert } from "../support/raised_alerts.ts";
import { type CrawlingEvent, isRunEvent, rowsAfter } from "./crawler_world.ts";

const source = "openvlab";
const fresh: Omit<CrawlerSourceRow, "totals"> = {
  ...{ source, paused: null, alerts: NO_ALERTS, lastRunAt: null, lastSkippedAt: null },
  ...{ lastSuccessAt: null, lastFailureAt: null, lastStatus: null, lastError: null },
};
const outage = { errorClass: "ServerError", errorMessage: "it answered HTTP 503" };
const pause: CrawlingEvent = { type: "CrawlerPaused", data: { source, reason: "rebuilt there" } };
const resume: CrawlingEvent = { type: "CrawlerResumed", data: { source } };

function stopped(at: number): CrawlerRunEvent {
  const event = crashed({ at });
  if (event.type !== "CrawlerCrashed") throw new Error("unreachable");
  return { ...event, data: { ...event.data, stopped: true } };
}

const cases: readonly [string, readonly CrawlingEvent[], Partial<CrawlerSourceRow>][] = [
  ["was paused then", [succeeded({ at: 0 }), pause], {
    ...{ paused: { reason: "rebuilt there", since: 1_000 }, lastSuccessAt: 0 },
    lastStatus: "succeeded",
  }],
  ["is paused before it ever ran", [pause], {
    paused: { reason: "rebuilt there", since: 0 },
  }],
  ["is paused for another reason, since it was first", [
    pause,
    { type: "CrawlerPaused", data: { source, reason: "moved" } },
  ], { paused: { reason: "moved", since: 0 } }],
  ["goes on", [pause, resume], {}],
  ["ran last when its last run began", [started({ at: 5 }), started({ runId: "2", at: 9 })], {
    lastRunAt: 9,
  }],
  ["was skipped, which is no run", [skipped({ at: 7 })], { lastSkippedAt: 7 }],
  ["keeps its last success and its last failure apart", [
    failed({ at: 5 }),
    succeeded({ at: 8 }),
  ], {
    ...{ lastFailureAt: 5, lastSuccessAt: 8, lastStatus: "succeeded", lastError: outage },
    alerts: noteRun(noteRun(NO_ALERTS, failed({ at: 5 })), succeeded({ at: 8 })),
  }],
  ["timed out last", [succeeded({ at: 1 }), timedOut({ at: 5 })], {
    ...{ lastSuccessAt: 1, lastFailureAt: 5, lastStatus: "timed_out" },
    lastError: { ...outage, errorClass: "Timeout" },
    alerts: noteRun(NO_ALERTS, timedOut({ at: 5 })),
  }],
  ["crashed last", [crashed({ at: 5 })], {
    ...{ lastFailureAt: 5, lastStatus: "crashed" },
    lastError: {
      errorClass: "Crashed",
      errorMessage: "Whoever ran it was not heard of until its lease ran out",
    },
    alerts: noteRun(NO_ALERTS, crashed({ at: 5 })),
  }],
  ["is not failing because the service was stopped", [succeeded({ at: 1 }), stopped(5)], {
    ...{ lastSuccessAt: 1, lastStatus: "succeeded" },
  }],
  ["has told what an alert told", [
    failed({ runId: "run-1", at: 5 }),
    { type: "AlertRaised", data: raisedAlert({ failing: { since: 5, runs: 1 } }) },
  ], {
    ...{ lastFailureAt: 5, lastStatus: "failed", lastError: outage },
    alerts: {
      ...{ told: true, toldAt: raisedAlert().raisedAt, untold: [] },
      episodes: [raisedAlert().raisedAt],
      failing: { since: 5, runs: 1 },
    },
  }],
];

for (const [title, events, changes] of cases) {
  Deno.test(`crawler sources: one ${title}`, () => {
    const rows = rowsAfter<CrawlerSourceRow>(crawlerSources, events);
    const totals = events.filter(isRunEvent).reduce(addRun, emptyDay(source));
    deepEqual([...rows], [[source, { ...fresh, totals, ...changes }]]);
  });
}

Deno.test("crawler sources: a report that is told makes no crawler", () => {
  const text = { title: "Daily", markdown: "-" };
  const report = raisedAlert({
    kind: "report",
    source: "daily",
    text,
    failures: [],
    failing: null,
  });
  equal(rowsAfter(crawlerSources, [{ type: "AlertRaised", data: report }]).size, 0);
});

Deno.test("crawler sources: what stops in order or goes on makes no row by itself", () => {
  equal(rowsAfter(crawlerSources, [stopped(1), resume]).size, 0);
});

Deno.test("crawler sources and venues: fold as the domain does, and into what JSON can keep", () => {
  const asked = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });
  fc.assert(fc.property(runEnds(["a", "b"], 90 * MINUTE), asked, (ends, asked) => {
    const events: CrawlingEvent[] = [];
    const alerts = new Map([["a", NO_ALERTS], ["b", NO_ALERTS]]);
    const breakers = new Map([["a", CLOSED], ["b", CLOSED]]);
    let at = 0;
    for (const [n, end] of ends.entries()) {
      const { source } = end;
      at += end.afterMs;
      const place = { runId: `run-${n}`, at };
      const run = end.how === "skipped" ? [] : [started({ ...place, source })];
      for (const event of [...run, endEvent(end, place)]) {
        events.push(event);
        alerts.set(source, noteRun(alerts.get(source) ?? NO_ALERTS, event));
        breakers.set(source, evolveBreaker(breakers.get(source) ?? CLOSED, event));
      }
      if (asked[n] !== true) continue;
      for (const data of dueAlerts(alerts.get(source) ?? NO_ALERTS, { source, at })) {
        events.push({ type: "AlertRaised", data });
        alerts.set(source, noteAlert(alerts.get(source) ?? NO_ALERTS, data));
      }
    }
    const sources = rowsAfter<CrawlerSourceRow>(crawlerSources, events);
    const venues = rowsAfter<CrawlerVenueRow>(crawlerVenues, events);
    for (const name of ["a", "b"]) {
      const ofSource = events.filter(isRunEvent).filter(({ data }) => data.source === name);
      deepEqual(
        sources.get(name)?.totals ?? emptyDay(name),
        ofSource.reduce(addRun, emptyDay(name)),
      );
      deepEqual(sources.get(name)?.alerts ?? NO_ALERTS, alerts.get(name));
      deepEqual(venues.get(name)?.breaker ?? CLOSED, breakers.get(name));
    }
    for (const row of [...sources.values(), ...venues.values()]) {
      deepEqual(JSON.parse(JSON.stringify(row)), row);
    }
  }));
});

Deno.test("crawler venues: one that never failed has no row, one that works again is closed", () => {
  equal(rowsAfter(crawlerVenues, [started(), succeeded()]).size, 0);
  const failures = [1, 2, 3].map((n) => failed({ runId: `f${n}`, at: n }));
  const [row] = rowsAfter<CrawlerVenueRow>(crawlerVenues, failures).values();
  deepEqual(row, { venue: source, breaker: { status: "open", until: 300_003 } });
  const after = rowsAfter<CrawlerVenueRow>(crawlerVenues, [...failures, succeeded({ at: 9 })]);
  deepEqual([...after.values()], [{ venue: source, breaker: CLOSED }]);
});
