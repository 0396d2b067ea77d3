import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  admits,
  type Breaker,
  CLOSED,
  DEFAULT_BREAKER,
  evolveBreaker,
  stepBreaker,
} from "@/domain/crawlers/breaker.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import {
  attempted,
  crashed,
  endEvent,
  failed,
  MINUTE,
  runEnds,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../../support/crawler_runs.ts";

const breakerAfter = (...events: readonly CrawlerRunEvent[]): Breaker =>
  events.reduce<Breaker>((breaker, event) => evolveBreaker(breaker, event), CLOSED);

const at = (minutes: number) => minutes * MINUTE;
const OPENED = [failed({ at: at(1) }), timedOut({ at: at(2) }), failed({ at: at(3) })];
const OPEN: Breaker = { status: "open", until: at(8) };
const probe = started({ runId: "probe", at: at(8) });
const HALF_OPEN: Breaker = { status: "half_open", probe: "probe", until: at(38) };

const CASES: readonly [name: string, events: readonly CrawlerRunEvent[], then: Breaker][] = [
  ["is closed at the beginning", [], CLOSED],
  ["counts final failures", OPENED.slice(1), { status: "closed", failures: 2 }],
  ["opens for five minutes after three of them", OPENED, OPEN],
  ["does not count attempts", Array(9).fill(attempted({ at: at(1) })), CLOSED],
  ["does not count runs that were skipped", Array(9).fill(skipped()), CLOSED],
  ["does not count crashes of ours", Array(9).fill(crashed({ at: at(1) })), CLOSED],
  [
    "forgets failures after a success",
    [...OPENED.slice(1), succeeded(), ...OPENED.slice(1)],
    { status: "closed", failures: 2 },
  ],
  ["stays open as long when runs that began before fail, too", [...OPENED, failed()], OPEN],
  ["is half open while the first run after that goes on", [...OPENED, probe], HALF_OPEN],
  [
    "stays half open when another one starts",
    [...OPENED, probe, started({ runId: "other", at: at(9) })],
    HALF_OPEN,
  ],
  [
    "closes when the probe succeeds",
    [...OPENED, probe, succeeded({ runId: "probe", at: at(9) })],
    CLOSED,
  ],
  [
    "opens again when the probe fails",
    [...OPENED, probe, failed({ runId: "probe", at: at(12) })],
    { status: "open", until: at(17) },
  ],
  [
    "waits for the probe when another one fails",
    [...OPENED, probe, failed({ runId: "other", at: at(12) })],
    HALF_OPEN,
  ],
  [
    "closes when a run succeeds that somebody started while it was open",
    [...OPENED, started({ runId: "hand", at: at(4) }), succeeded({ runId: "hand", at: at(5) })],
    CLOSED,
  ],
  [
    "is open for another probe at once when the probe crashed",
    [...OPENED, probe, crashed({ runId: "probe", at: at(20) })],
    { status: "open", until: at(20) },
  ],
  [
    "takes another probe when the first has not come back for half an hour",
    [...OPENED, probe, started({ runId: "next", at: at(38) })],
    { status: "half_open", probe: "next", until: at(68) },
  ],
];

for (const [name, events, then] of CASES) {
  Deno.test(`breaker ${name}`, () => deepEqual(breakerAfter(...events), then));
}

Deno.test("breaker admits when it is closed, when its time is over, and one probe at a time", () => {
  ok(admits(CLOSED, 0));
  ok(!admits(OPEN, at(8) - 1));
  ok(admits(OPEN, at(8)));
  ok(!admits(HALF_OPEN, at(38) - 1));
  ok(admits(HALF_OPEN, at(38)));
});

Deno.test("breaker does not stay open for a clock that was ahead when it opened", () => {
  ok(!admits(OPEN, at(-1)), "clocks differ by minutes");
  ok(admits(OPEN, at(8 - 24 * 60)));
  ok(!admits(HALF_OPEN, at(4)));
  ok(admits(HALF_OPEN, at(38 - 24 * 60)));
});

Deno.test("breaker takes its numbers from its policy", () => {
  const policy = { failures: 1, openMs: 5, probeMs: 7 };
  const open = evolveBreaker(CLOSED, failed({ at: 10 }), policy);
  deepEqual(open, { status: "open", until: 15 });
  deepEqual(evolveBreaker(open, started({ at: 15 }), policy), {
    ...{ status: "half_open", probe: "run-1", until: 22 },
  });
});

/** Runs one after the other that ask before they start; returns when each was let through. */
function crawl(ends: readonly { event: CrawlerRunEvent; at: number; runId: string }[]) {
  let breaker: Breaker = CLOSED;
  return ends.map(({ event, at, runId }) => {
    const before = breaker;
    const admitted = admits(breaker, at);
    if (admitted) {
      breaker = evolveBreaker(breaker, started({ runId, at }));
      breaker = evolveBreaker(breaker, event);
    }
    return { at, admitted, before, after: breaker, event };
  });
}

Deno.test("breaker: after three failures in a row nobody goes to the venue for five minutes, whatever happens", () => {
  fc.assert(fc.property(runEnds(["venue"], 4 * MINUTE), (ends) => {
    let now = 0;
    const steps = crawl(ends.map((end, i) => {
      now += end.afterMs;
      const runId = `run-${i}`;
      return { at: now, runId, event: endEvent(end, { runId, at: now }) };
    }));
    let inRow = 0;
    let openUntil = -Infinity;
    for (const { at, admitted, event } of steps) {
      equal(admitted, at >= openUntil, `at ${at}`);
      if (!admitted) continue;
      if (event.type === "CrawlerSucceeded") [inRow, openUntil] = [0, -Infinity];
      if (event.type === "CrawlerFailed" || event.type === "CrawlerTimedOut") inRow++;
      const isFailure = event.type === "CrawlerFailed" || event.type === "CrawlerTimedOut";
      if (isFailure && inRow >= DEFAULT_BREAKER.failures) openUntil = at + DEFAULT_BREAKER.openMs;
      // A probe that was skipped after all never ends: the next one waits until it counts as lost.
      if (event.type === "CrawlerSkipped" && inRow >= 3) openUntil = at + DEFAULT_BREAKER.probeMs;
    }
  }));
});

Deno.test("breaker: a success closes it out of every state", () => {
  fc.assert(fc.property(runEnds(["venue"], MINUTE), fc.boolean(), (ends, probing) => {
    let now = 0;
    let breaker: Breaker = CLOSED;
    for (const end of ends) {
      now += end.afterMs;
      if (probing) breaker = evolveBreaker(breaker, started({ runId: `run-${now}`, at: now }));
      breaker = evolveBreaker(breaker, endEvent(end, { runId: `run-${now}`, at: now }));
      deepEqual(evolveBreaker(breaker, succeeded({ runId: "late", at: now })), CLOSED);
      equal(breaker.status !== "closed" || breaker.failures < DEFAULT_BREAKER.failures, true);
    }
  }));
});

Deno.test("breaker: steps of anything that asks a venue fold as events of runs do", () => {
  const step = (breaker: Breaker, type: "started" | "succeeded" | "failed" | "lost", at: number) =>
    stepBreaker(breaker, { type, runId: "r", at });
  const opened = [1, 2, 3].reduce((breaker, n) => step(breaker, "failed", at(n)), CLOSED);
  deepEqual(opened, OPEN);
  const probing = step(opened, "started", at(8));
  deepEqual(probing, { status: "half_open", probe: "r", until: at(38) });
  deepEqual(step(probing, "lost", at(9)), { status: "open", until: at(9) });
  deepEqual(step(probing, "failed", at(9)), { status: "open", until: at(14) });
  deepEqual(step(probing, "succeeded", at(9)), CLOSED);
});
