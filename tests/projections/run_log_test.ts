import { deepEqual, equal } from "node:assert/strict";
import {
  type CrawlerQueries,
  RUN_STATUSES,
  type RunFilter,
} from "@/projections/crawler_queries.ts";
import { openDb } from "@/projections/db.ts";
import { createRunLog } from "@/projections/run_log.ts";
import {
  attempted,
  crashed,
  failed,
  MINUTE,
  skipped,
  started,
  succeeded,
  timedOut,
} from "../support/crawler_runs.ts";
import { crawlerTest, type CrawlingEvent } from "./crawler_world.ts";

/** A run of each status a minute apart, the first one the oldest; two of other sources. */
const RUNS: readonly CrawlingEvent[] = [
  ...[started({ runId: "done", at: 0 }), succeeded({ runId: "done", at: 10 })],
  started({ runId: "lost", at: MINUTE }),
  failed({
    ...{ runId: "lost", at: MINUTE + 10, httpStatus: 429 },
    errorMessage: String.raw`100% of C:\temp_1 is GONE`,
  }),
  ...[started({ runId: "late", at: 2 * MINUTE }), timedOut({ runId: "late", at: 2 * MINUTE + 10 })],
  ...[started({ runId: "dead", at: 3 * MINUTE }), crashed({ runId: "dead", at: 3 * MINUTE + 10 })],
  skipped({ runId: "none", at: 4 * MINUTE }),
  ...[started({ runId: "open", at: 5 * MINUTE }), attempted({ runId: "open", at: 5 * MINUTE + 9 })],
  ...[started({ runId: "sina-1", source: "sina", at: 6 * MINUTE })],
  started({ runId: "sina-2", source: "sina", at: 6 * MINUTE }),
  succeeded({ runId: "sina-2", source: "sina", at: 6 * MINUTE + 10 }),
];

async function ids(
  { findRuns }: CrawlerQueries,
  filter: Partial<RunFilter>,
): Promise<readonly string[]> {
  const { runs, total } = await findRuns({ page: 1, size: 50, ...filter });
  equal(total, runs.length);
  return runs.map(({ runId }) => runId);
}

const FOUND: readonly [string, Partial<RunFilter>, readonly string[]][] = [
  ["the newest first, those of one time by their id", {}, [
    ...["sina-2", "sina-1", "open", "none", "dead", "late", "lost", "done"],
  ]],
  ["of one source", { source: "sina" }, ["sina-2", "sina-1"]],
  ["of no source", { source: "nobody" }, []],
  ["from a time on", { from: 5 * MINUTE }, ["sina-2", "sina-1", "open"]],
  ["before a time", { to: MINUTE }, ["done"]],
  ["within a time", { from: MINUTE, to: 3 * MINUTE }, ["late", "lost"]],
  ["by everything at once", { source: "sina", status: "running", from: 1, q: "SINA" }, ["sina-1"]],
  ["by a part of the id, in any case", { q: "INA-" }, ["sina-2", "sina-1"]],
  ["by a part of the source's name, in any case", { q: "SIN" }, ["sina-2", "sina-1"]],
  ["by a part of the error's class", { q: "timeou" }, ["late"]],
  ["by the reason for which it was skipped", { q: "breaker_open" }, ["none"]],
  ["by a part of the error's message", { q: "gone" }, ["lost"]],
  ["by its HTTP status", { q: "429" }, ["lost"]],
  ["by a percent sign itself", { q: "%" }, ["lost"]],
  ["by an underscore itself", { q: "p_1" }, ["lost"]],
  ["not by what an underscore might stand for", { q: "t_m" }, []],
  ["by a backslash itself", { q: String.raw`c:\t` }, ["lost"]],
  ["by a backslash at the end", { q: "\\" }, ["lost"]],
  ["not by what a percent sign might stand for", { q: "do%e" }, []],
  ["by an empty text: all", { q: "", source: "sina" }, ["sina-2", "sina-1"]],
];

crawlerTest("run log", {
  async "finds runs by each filter"({ append, crawlers }) {
    await append(...RUNS);
    for (const [title, filter, expected] of FOUND) {
      deepEqual(await ids(crawlers, filter), expected, title);
    }
    const statuses = Object.fromEntries(
      await Promise.all(
        RUN_STATUSES.map(async (status) => [status, await ids(crawlers, { status })]),
      ),
    );
    deepEqual(statuses, {
      ...{ running: ["sina-1", "open"], succeeded: ["sina-2", "done"], failed: ["lost"] },
      ...{ timed_out: ["late"], crashed: ["dead"], skipped: ["none"] },
    });
  },

  async "gives each run on one page, and the number of all on every page"({ append, crawlers }) {
    await append(...RUNS);
    const pages = await Promise.all(
      [1, 2, 3, 4].map((page) => crawlers.findRuns({ page, size: 3 })),
    );
    deepEqual(pages.map(({ runs }) => runs.map(({ runId }) => runId)), [
      ...[["sina-2", "sina-1", "open"], ["none", "dead", "late"], ["lost", "done"], []],
    ]);
    deepEqual(pages.map(({ total }) => total), [8, 8, 8, 8]);
    const { runs, total } = await crawlers.findRuns({ page: 2, size: 1, source: "sina" });
    deepEqual([runs.map(({ runId }) => runId), total], [["sina-1"], 2]);
  },

  async "counts no further than so many beyond the page"({ append, database }) {
    await append(...RUNS);
    const { findRuns } = createRunLog(openDb(database), 3);
    const pages = await Promise.all([1, 2, 3, 5].map((page) => findRuns({ page, size: 2 })));
    deepEqual(pages.map(({ total }) => total), [5, 7, 8, 8]);
    equal((await findRuns({ page: 1, size: 2, source: "sina" })).total, 2);
  },

  async "shows a run with its attempts, and nothing else of it"({ append, crawlers }) {
    await append(
      ...[started({ at: 1_000 }), attempted({ at: 5_000 })],
      succeeded({ at: 70_000, attempt: 2, rows: 7, durationMs: 2_000 }),
    );
    const run = await crawlers.findRun("run-1");
    const outage = { errorClass: "ServerError", errorMessage: "it answered HTTP 503" };
    const noError = { errorClass: null, errorMessage: null, httpStatus: null };
    deepEqual(run, {
      ...{ runId: "run-1", source: "openvlab", venue: "openvlab", status: "succeeded" },
      ...{ trigger: "schedule", scheduledFor: 1_000, startedAt: 1_000, finishedAt: 70_000 },
      ...{ rows: 7, bytes: 700, ...noError, retryOf: null, crashes: 0 },
      attempts: [{
        ...{ attempt: 1, status: "failed", startedAt: 4_000, finishedAt: 5_000 },
        ...{ durationMs: 1_000, ...outage, httpStatus: 503, response: null, retryAt: 65_000 },
      }, {
        ...{ attempt: 2, status: "succeeded", startedAt: 68_000, finishedAt: 70_000 },
        ...{ durationMs: 2_000, ...noError },
        ...{ response: null, retryAt: null },
      }],
    });
    deepEqual((await crawlers.findRuns({ page: 1, size: 1 })).runs, [run]);
    equal(await crawlers.findRun("run-2"), undefined);
  },

  async "knows which runs are open, of one source or of all"({ append, crawlers }) {
    await append(...RUNS);
    const open = async (source?: string) =>
      (await crawlers.openRuns(source)).map(({ runId, status }) => [runId, status]);
    deepEqual(await open(), [["sina-1", "running"], ["open", "running"]]);
    deepEqual(await open("openvlab"), [["open", "running"]]);
    deepEqual(await open("nobody"), []);
    await append(succeeded({ runId: "open", at: 6 * MINUTE }));
    deepEqual(await open("openvlab"), []);
  },

  async "keeps whatever numbers events hold"({ append, crawlers }) {
    const [least, most] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    const durationMs = most;
    await append(
      started({ at: least }),
      failed({ at: most - 1, durationMs, httpStatus: most }),
    );
    const run = await crawlers.findRun("run-1");
    deepEqual([run?.startedAt, run?.finishedAt, run?.httpStatus], [least, most - 1, most]);
    const [day] = await crawlers.days({ from: least, to: most });
    deepEqual([day?.totalMs, day?.slowest], [most, { runId: "run-1", durationMs }]);
  },
});
