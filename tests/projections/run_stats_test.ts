import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { addRun, emptyDay, runsOf, type SourceDay } from "@/domain/reports/source_day.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import {
  crashed,
  endEvent,
  failed,
  MINUTE,
  type RunOptions,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../support/crawler_runs.ts";
import { crawlerTest, type CrawlingEvent, isRunEvent } from "./crawler_world.ts";

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = 100 * DAY;

type End = (options: RunOptions) => CrawlerRunEvent;

/** Runs that ended so long before now, each with a start. */
function runs(...ends: readonly [end: End, agoMs: number, more?: RunOptions][]): CrawlerRunEvent[] {
  return ends.flatMap(([end, agoMs, more = {}], n) => {
    const options = { runId: `${more.source ?? "openvlab"}-${n}`, at: NOW - agoMs, ...more };
    return end === skipped ? [end(options)] : [started(options), end(options)];
  });
}

function stopped(options: RunOptions): CrawlerRunEvent {
  const event = crashed(options);
  if (event.type !== "CrawlerCrashed") throw new Error("unreachable");
  return { ...event, data: { ...event.data, stopped: true } };
}

const nothing = {
  ...{ source: "openvlab", lastRunAt: null, lastSuccessAt: null, lastFailureAt: null },
  ...{ lastStatus: null, lastError: null, successRate24h: null, successRate7d: null },
  meanDurationMs: null,
};

/** What the domain makes of the runs that ended within the range, in the order of their ends. */
function expectedDays(
  events: readonly CrawlingEvent[],
  { from, to }: { from: number; to: number },
): SourceDay[] {
  const ends = events.filter(isRunEvent).map((event) => ({ event, at: endOf(event) }))
    .filter(({ at }) => at !== undefined && at >= from && at < to)
    .toSorted(({ event: a, at: x = 0 }, { event: b, at: y = 0 }) =>
      x - y || (a.data.runId < b.data.runId ? -1 : 1)
    );
  const days = new Map<string, SourceDay>();
  for (const { event } of ends) {
    const { source } = event.data;
    days.set(source, addRun(days.get(source) ?? emptyDay(source), event));
  }
  return [...days.values()].toSorted((a, b) => a.source < b.source ? -1 : 1);
}

/** Of all runs, in the order in which they were heard of. */
function totalsOf(events: readonly CrawlingEvent[]): SourceDay[] {
  const bySource = Map.groupBy(events.filter(isRunEvent), ({ data }) => data.source);
  return [...bySource].map(([source, runs]) => runs.reduce(addRun, emptyDay(source)))
    .filter((day) => day.skipped + runsOf(day) > 0)
    .toSorted((a, b) => a.source < b.source ? -1 : 1);
}

function endOf({ type, data }: CrawlerRunEvent): number | undefined {
  switch (type) {
    case "CrawlerRunStarted":
    case "CrawlerAttempted":
      return undefined;
    case "CrawlerSkipped":
      return data.skippedAt;
    default:
      return data.finishedAt;
  }
}

const end = fc.record({
  how: fc.constantFrom(
    ...["succeeded", "failed", "timedOut", "crashed", "stopped", "skipped", "open"] as const,
  ),
  source: fc.constantFrom("a", "b", "Ä"),
  afterMs: fc.constantFrom(0, MINUTE, 3 * HOUR, 2 * DAY),
  durationMs: fc.constantFrom(0, 10, 500, 500, 9_000),
  rows: fc.integer({ min: 0, max: 100_000 }),
});

crawlerTest("run statistics", {
  async "know nothing of what never ran, and of one that was only paused"({ append, crawlers }) {
    deepEqual(await crawlers.records(NOW), []);
    deepEqual(await crawlers.days({ from: 0, to: NOW }), []);
    deepEqual(await crawlers.totals(), []);
    await append({ type: "CrawlerPaused", data: { source: "sina", reason: "" } });
    deepEqual(await crawlers.records(NOW), []);
  },

  async "tell the rates and means of the last day and week"({ append, crawlers }) {
    await append(...runs(
      [succeeded, 8 * DAY, { durationMs: 60_000 }],
      [failed, 7 * DAY + 1],
      [failed, 7 * DAY],
      [succeeded, 3 * DAY, { durationMs: 1_000 }],
      [crashed, 2 * DAY],
      [succeeded, DAY, { durationMs: 3_000 }],
      [timedOut, HOUR],
      [succeeded, 30 * MINUTE, { durationMs: 2_000 }],
      [stopped, 2 * MINUTE],
      [skipped, MINUTE],
      [succeeded, -1, { durationMs: 99_000 }],
    ));
    const [record, ...others] = await crawlers.records(NOW);
    deepEqual(others, []);
    deepEqual(record, {
      ...{ source: "openvlab", lastRunAt: NOW + 1, lastSuccessAt: NOW + 1 },
      ...{ lastFailureAt: NOW - HOUR, lastStatus: "succeeded" },
      lastError: { errorClass: "Timeout", errorMessage: "it answered HTTP 503" },
      ...{ successRate24h: 2 / 3, successRate7d: 3 / 6, meanDurationMs: 2_000 },
    });
  },

  async "tell each status that a last run can have"({ append, crawlers }) {
    const statusAfter = async (...events: readonly CrawlerRunEvent[]) => {
      await append(...events);
      return (await crawlers.records(NOW)).map(({ lastStatus }) => lastStatus)[0];
    };
    equal(await statusAfter(skipped({ runId: "0", at: NOW })), null);
    deepEqual(await crawlers.records(NOW), [nothing]);
    equal(await statusAfter(started({ runId: "1", at: NOW })), null);
    deepEqual(await crawlers.records(NOW), [{ ...nothing, lastRunAt: NOW }]);
    equal(await statusAfter(failed({ runId: "1", at: NOW })), "failed");
    equal(await statusAfter(...runs([timedOut, 1, { runId: "2" }])), "timed_out");
    equal(await statusAfter(...runs([crashed, 1, { runId: "3" }])), "crashed");
    equal(await statusAfter(started({ runId: "4", at: NOW })), "crashed");
    equal(await statusAfter(succeeded({ runId: "4", at: NOW })), "succeeded");
    equal(await statusAfter(...runs([stopped, 1, { runId: "5" }])), "succeeded");
  },

  async "keep sources apart, in the order of their names"({ append, crawlers }) {
    await append(...runs(
      [failed, HOUR, { source: "sina" }],
      [succeeded, HOUR, { source: "founderfu" }],
      [succeeded, 9 * DAY, { source: "klines" }],
    ));
    const rates = (await crawlers.records(NOW)).map((record) => [
      ...[record.source, record.successRate24h, record.successRate7d, record.meanDurationMs],
    ]);
    deepEqual(rates, [
      ["founderfu", 1, 1, 1_000],
      ["klines", null, null, null],
      ["sina", 0, 0, null],
    ]);
  },

  async "sum days up as the domain does, for any runs and any range"({ append, crawlers, log }) {
    let [at, n] = [NOW, 0];
    let seen = 0;
    const range = fc.tuple(fc.integer({ min: -10, max: 60 }), fc.integer({ min: 0, max: 40 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(end, { minLength: 1, maxLength: 12 }),
        range,
        async (ends, days) => {
          const batch = ends.flatMap(({ how, afterMs, ...options }): CrawlerRunEvent[] => {
            at += afterMs;
            const place = { ...options, runId: `run-${n++}`, at };
            if (how === "skipped") return [skipped(place)];
            if (how === "open") return [started(place)];
            const ways = { succeeded, failed, timedOut, crashed, stopped };
            return [started(place), ways[how](place)];
          });
          await append(...batch);
          const events = await log();
          const from = NOW + days[0] * DAY;
          for (const range of [{ from, to: from + days[1] * DAY }, { from: 0, to: at + 1 }]) {
            const expected = expectedDays(events, range);
            deepEqual(await crawlers.days(range), expected);
            seen += expected.length;
          }
          deepEqual(
            (await crawlers.totals()).filter((day) => day.skipped + runsOf(day) > 0),
            totalsOf(events),
          );
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
    equal(seen > 12, true);
  },

  async "count a run on the day on which it ended"({ append, crawlers }) {
    const event = endEvent({ how: "succeeded", source: "a", afterMs: 0 }, { runId: "r", at: DAY });
    await append(started({ runId: "r", source: "a", at: DAY - HOUR }), event);
    deepEqual(await crawlers.days({ from: 0, to: DAY }), []);
    deepEqual(await crawlers.days({ from: DAY, to: 2 * DAY }), [addRun(emptyDay("a"), event)]);
  },
});
