import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { planOf } from "@/cron/supervise/plan.ts";
import type { Job } from "@/cron/job.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { trusted } from "@/events/trust.ts";
import { DUE, NOW, sceneTest, scripted } from "./scene.ts";

type Started = Extract<CrawlerRunEvent, { type: "CrawlerRunStarted" }>["data"];

const HOUR = 3_600_000;
const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });

sceneTest("supervisor in the corners", {
  async "records a failure whose words the log would not take"({ startDue }) {
    const { source } = scripted([new Error(`the site said \u0000 and ${"x".repeat(5_000)}`)]);
    const instance = await startDue(source);
    await instance.idle();
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    equal(run?.status, "failed");
    match(run?.errorMessage ?? "", /^the site said\s+and x{1900,2000}…$/);
  },

  async "says in run and alert what its operator can do"({ startDue }) {
    const hint = "SOURCE_X_COOKIE is the cookie of a browser that is logged in";
    const failure = { port: "source", op: "GET /", retryable: false, hint };
    const instance = await startDue(
      scripted([new AdapterError("It wants a login", failure)]).source,
    );
    await instance.until(() => instance.told.length > 0);
    await instance.idle();
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    equal(run?.errorMessage, `It wants a login; ${hint}`);
    match(instance.told[0]?.markdown ?? "", /It wants a login; SOURCE.?_X.?_COOKIE is the cookie/);
  },

  async "makes up for a crashed run though whoever closed it died before it did"(scene) {
    const { startDue, start, clock, die, takeOver } = scene;
    const first = await startDue(scripted(["hang"], { timeoutMs: null }).source);
    await first.until(() => first.jobs.list().length === 1);
    const [started] = await first.log();
    const { runId, source, venue, startedAt } = trusted<Started>(started?.data);
    const data = { runId, source, venue, attempt: 1, startedAt, finishedAt: clock.now() };
    await first.store.append([{
      stream: `crawler_run-${runId}`,
      expected: 1,
      events: [{ type: "CrawlerCrashed", data: { ...data, leaseUntil: null, stopped: false } }],
    }], doer());
    await die(first);
    const again = scripted([{ rows: 3 }]);
    const second = await start(again.source);
    await takeOver(second);
    await second.idle();
    equal(again.runs.length, 1);
    const { runs } = await second.queries.findRuns({ status: "succeeded", page: 1, size: 5 });
    deepEqual(runs.map(({ retryOf, crashes }) => [retryOf, crashes]), [[runId, 1]]);
  },

  async "frees a source whose run ends well while the service stops"({ startDue, database }) {
    const source: Job = {
      ...{ name: "live", schedule: "30 3 * * *", timeoutMs: null },
      run: ({ signal }) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve({ rows: 1 }))),
    };
    const instance = await startDue(source);
    await instance.until(() => instance.jobs.list().length === 1);
    await instance.stop();
    deepEqual(await database.query("select source from crawler_lease"), []);
  },

  async "closes in order what it cannot begin because the service stops"(scene) {
    const { start, clock, database, types } = scene;
    const { source, runs } = scripted([{}]);
    const first = await start(source);
    await first.tick();
    await first.jobs.close();
    clock.advance(DUE - NOW);
    await first.tick();
    deepEqual(await types(first), ["CrawlerRunStarted", "CrawlerCrashed"]);
    const second = await start(source);
    await second.tick();
    await second.idle();
    equal(runs.length, 1, "made up for");
    deepEqual(second.told, [], "an orderly stop is no news");
    await second.jobs.close();
    await rejects(second.supervisor.run("daily", doer()), { code: "unavailable" });
    deepEqual(await database.query("select source from crawler_lease"), []);
  },

  async "does not make up for a run that a person has stopped"({ start, clock, types }) {
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    const instance = await start(source);
    const { jobId } = await instance.supervisor.run("daily", doer());
    equal(instance.jobs.stop(jobId), true);
    await instance.idle();
    clock.advance(60_000);
    await instance.tick();
    await instance.idle();
    equal(runs.length, 1);
    deepEqual(await types(instance), ["CrawlerRunStarted", "CrawlerCrashed"]);
    deepEqual(instance.told, []);
  },

  async "leaves a paused source alone, also after its process died"(scene) {
    const { startDue, start, database, die, takeOver } = scene;
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    const first = await startDue(source);
    await first.until(() => runs.length === 1);
    await first.supervisor.pause("daily", { ...doer(), reason: "it takes the process down" });
    await die(first);
    const second = await start(source);
    await takeOver(second);
    await second.until(() => second.told.length > 0);
    equal(runs.length, 1);
    deepEqual(await database.query("select source from crawler_lease"), []);
  },

  async "leaves a source alone whose settings are gone since its process died"(scene) {
    const { startDue, start, database, die, takeOver } = scene;
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    const first = await startDue(source);
    await first.until(() => runs.length === 1);
    await die(first);
    await takeOver(await start({ ...source, missing: ["SOURCE_DAILY_COOKIE"] }));
    equal(runs.length, 1);
    deepEqual(await database.query("select source from crawler_lease"), []);
  },

  async "does not believe a mark that a wrong clock has left"(
    { startDue, start, database },
  ) {
    const { source, runs } = scripted([{}]);
    const instance = await start(source);
    await instance.tick();
    await database.query("update job_seen set seen_at = '2040-01-01'");
    const again = await startDue(source);
    await again.idle();
    equal(runs.length, 1);
  },

  async "says by which clocks each source is due"({ start }) {
    const own = scripted([{}], { name: "own", timeZone: "UTC" }).source;
    const { supervisor } = await start(scripted([{}]).source, own);
    deepEqual(
      supervisor.list().map(({ name, timeZone }) => [name, timeZone]).slice(0, 2),
      [["daily", "Asia/Shanghai"], ["own", "UTC"]],
    );
  },

  async "ends work without a limit that has shown nothing new for an hour"({ startDue, clock }) {
    const source: Job = {
      ...{ name: "long", schedule: "30 3 * * *", timeoutMs: null, retry: { maxAttempts: 1 } },
      async run({ signal, progress }) {
        for (let n = 0; n < 3; n++) {
          await clock.sleep(0.9 * HOUR, signal);
          progress.advance(1);
        }
        return await new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        );
      },
    };
    const instance = await startDue(source);
    await instance.idle();
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.attempts[0]?.durationMs], ["timed_out", 3.7 * HOUR]);
  },

  async "tells the report of a day once, however often it runs"({ start }) {
    const instance = await start();
    for (let n = 0; n < 2; n++) {
      await instance.supervisor.run("daily-report", doer());
      await instance.idle();
    }
    await instance.until(() => instance.told.length > 0);
    const { runs } = await instance.queries.findRuns({ page: 1, size: 5 });
    deepEqual(runs.map(({ status }) => status), ["succeeded", "succeeded"]);
    equal(instance.told.length, 1);
    const report = await instance.dailyReport("2024-04-30");
    equal(report?.title, instance.told[0]?.title);
    ok(!report?.markdown.includes("As of"));
  },

  async "reports today so far, past days as they were, and none of before it ran or of tomorrow"(
    { start, clock },
  ) {
    const { source } = scripted([{}]);
    const instance = await start(source);
    equal(await instance.dailyReport("2024-04-30"), undefined, "nothing ever ran");
    await instance.supervisor.run("daily", doer());
    await instance.idle();
    const today = await instance.dailyReport("2024-05-01");
    deepEqual([today?.isOver, today?.raisedAt], [false, null]);
    match(today?.title ?? "", /2024-05-01 until 11:0\d \(not over\)/);
    match(today?.markdown ?? "", /\*\*In all\*\* 1 runs/);
    for (const date of ["2020-01-01", "2024-04-30", "2024-05-02"]) {
      equal(await instance.dailyReport(date), undefined, date);
    }
    clock.advance(2 * 24 * HOUR);
    const past = await instance.dailyReport("2024-05-01");
    deepEqual([past?.isOver, past?.title.includes("not over")], [true, false]);
    match(past?.markdown ?? "", /^\*\*As of 2024-05-03 1[\d:]+, not of that day\*\*$/m);
  },
});

Deno.test("a source without a time that counts is never due", () => {
  const source: Job = {
    ...{ name: "x", schedule: "0 * * * *", run: () => Promise.resolve({}) },
    isDue: () => false,
  };
  const plan = planOf(source, "UTC");
  deepEqual([plan.latest(NOW), plan.next(NOW)], [undefined, undefined]);
});

Deno.test("a source's own time zone goes before the house's", () => {
  const source: Job = {
    ...{ name: "x", schedule: "30 3 * * *", timeZone: "Asia/Shanghai" },
    run: () => Promise.resolve({}),
  };
  equal(planOf(source, "UTC").next(NOW), DUE);
});
