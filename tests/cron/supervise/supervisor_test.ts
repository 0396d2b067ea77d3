import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { Job, JobReport } from "@/cron/job.ts";
import { Refusal } from "@/domain/decider.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { DUE, NOW, sceneTest, scripted, unreachable } from "./scene.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

sceneTest("supervisor", {
  async "runs a source at its time in the time zone, once"({ start, clock, types }) {
    const { source, runs } = scripted([{ rows: 7, bytes: 100 }]);
    const instance = await start(source);
    await instance.tick();
    equal(runs.length, 0, "a new installation owes nothing");
    equal(instance.supervisor.nextRunAt("daily"), DUE);
    clock.advance(DUE - NOW - 1);
    await instance.tick();
    equal(runs.length, 0);
    clock.advance(1);
    await instance.tick();
    await instance.idle();
    await instance.tick();
    await instance.idle();
    equal(runs.length, 1);
    equal(runs[0]?.at, DUE);
    deepEqual(await types(instance), ["CrawlerRunStarted", "CrawlerSucceeded"]);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual(
      [run?.status, run?.rows, run?.bytes, run?.trigger, run?.scheduledFor],
      ["succeeded", 7, 100, "schedule", DUE],
    );
  },

  async "makes up once for all that was missed while nobody ran"({ start, clock }) {
    const { source, runs } = scripted([{}]);
    const first = await start(source);
    await first.tick();
    await first.stop();
    clock.advance(5 * DAY);
    const second = await start(source);
    await second.tick();
    await second.idle();
    await second.tick();
    await second.idle();
    equal(runs.length, 1);
    const { runs: [run] } = await second.queries.findRuns({ page: 1, size: 1 });
    equal(run?.trigger, "catch_up");
  },

  async "tells of a run that failed what it has stored, also by an attempt before the last"(
    { startDue },
  ) {
    const partly = new SourceError("Cannot crawl sina: XX0 fails", {
      ...{ source: "sina", errorClass: "network", op: "parts", stored: { rows: 5, bytes: 60 } },
    });
    const { source } = scripted([unreachable(), partly, unreachable(), unreachable()]);
    const instance = await startDue(source);
    await instance.idle();
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.attempts.length, run?.rows, run?.bytes], ["failed", 4, 5, 60]);
  },

  async "tells what was stored on the way, in all attempts, however the run ends"({ startDue }) {
    const crawling = (name: string, last: () => Promise<JobReport>): Job => {
      const rows = [5, 2, 0, 1];
      return {
        ...{ name, schedule: "30 3 * * *" },
        run({ stored }) {
          stored?.(rows.shift() ?? 0);
          return rows.length === 0 ? last() : Promise.reject(unreachable());
        },
      };
    };
    const instance = await startDue(
      crawling("good", () => Promise.resolve({ rows: 1 })),
      crawling("bad", () => Promise.reject(unreachable())),
    );
    await instance.idle();
    const { runs } = await instance.queries.findRuns({ page: 1, size: 2 });
    deepEqual(
      runs.map(({ source, status, attempts, rows }) => [source, status, attempts.length, rows])
        .sort(),
      [["bad", "failed", 4, 8], ["good", "succeeded", 4, 8]],
    );
  },

  async "tries again after a minute, give or take, as often as it may"({ startDue, clock, types }) {
    const { source, runs } = scripted([unreachable(), unreachable(), { rows: 1 }]);
    const instance = await startDue(source);
    const from = clock.now();
    await instance.idle();
    equal(runs.length, 3);
    equal(clock.now() - from, 2 * MINUTE);
    deepEqual(await types(instance), [
      "CrawlerRunStarted",
      "CrawlerAttempted",
      "CrawlerAttempted",
      "CrawlerSucceeded",
    ]);
    deepEqual(instance.told, [], "nobody is told of what came right");
  },

  async "ends a run that fails each time after four attempts, and tells it once"(scene) {
    const { startDue, types } = scene;
    const { source, runs } = scripted([unreachable()]);
    const instance = await startDue(source);
    await instance.until(() => instance.told.length > 0);
    equal(runs.length, 4);
    deepEqual((await types(instance)).at(-1), "CrawlerFailed");
    match(instance.told[0]?.title ?? "", /daily/);
    await instance.tick();
    await instance.idle();
    equal(instance.told.length, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.errorClass, run?.attempts.length], ["failed", "NetworkError", 4]);
  },

  async "does not try again what will not change, and keeps the answer it failed on"(scene) {
    const { startDue } = scene;
    const bytes = new TextEncoder().encode('{"hello":["world"]}');
    const response = { status: 200, contentType: "application/json", bytes, truncated: false };
    const { source, runs } = scripted([
      new SourceError("Cannot crawl openvlab: its answer has changed", {
        ...{ source: "openvlab", errorClass: "schema_changed", op: "GET /x", httpStatus: 200 },
        response,
      }),
    ]);
    const instance = await startDue(source);
    await instance.idle();
    equal(runs.length, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.errorClass, run?.httpStatus], ["failed", "SchemaChanged", 200]);
    const kept = run?.attempts[0]?.response;
    ok(kept);
    deepEqual(await instance.blobs.get(kept.sha256), bytes);
  },

  async "ends an attempt that takes too long, also one that does not listen"({ startDue }) {
    const { source, runs } = scripted(["hang"], { retry: { maxAttempts: 2 } });
    const deaf: Job = {
      ...{ name: "deaf", schedule: "30 3 * * *", retry: { maxAttempts: 1 } },
      run: () => new Promise(() => {}),
    };
    const instance = await startDue(source, deaf);
    await instance.idle();
    equal(runs.length, 2);
    const { runs: ended } = await instance.queries.findRuns({ page: 1, size: 5 });
    const byName = new Map(ended.map((run) => [run.source, run]));
    deepEqual(byName.get("daily")?.attempts.map(({ durationMs }) => durationMs), [
      300_000,
      300_000,
    ]);
    deepEqual(
      [byName.get("daily")?.status, byName.get("daily")?.errorClass],
      ["timed_out", "Timeout"],
    );
    deepEqual([byName.get("deaf")?.status, byName.get("deaf")?.attempts[0]?.durationMs], [
      ...["timed_out", 310_000],
    ]);
  },

  async "leaves a source alone that still runs, and then makes up once"({ start, clock }) {
    let release = () => {};
    const runs: number[] = [];
    const source: Job = {
      ...{ name: "slow", schedule: "* * * * *", timeoutMs: null },
      run({ at }) {
        runs.push(at);
        return new Promise((resolve) => release = () => resolve({}));
      },
    };
    const instance = await start(source);
    await instance.tick();
    for (let minute = 0; minute < 3; minute++) {
      clock.advance(MINUTE);
      await instance.tick();
      await instance.until(() => runs.length > 0);
    }
    equal(runs.length, 1);
    release();
    await instance.idle();
    await instance.tick();
    await instance.until(() => runs.length === 2);
    release();
    await instance.idle();
  },

  async "runs a source at every start when it asks for that"({ start, clock }) {
    const { source, runs } = scripted([{}], { atStart: true });
    const first = await start(source);
    await first.tick();
    await first.idle();
    await first.stop();
    clock.advance(5_000);
    const second = await start(source);
    await second.tick();
    await second.idle();
    await second.tick();
    await second.idle();
    equal(runs.length, 2);
  },

  async "runs one by hand, whatever its schedule and breaker say, one at a time"({ start }) {
    const { source, runs } = scripted(["hang", {}]);
    const bare: Job = { ...source, name: "bare", missing: ["SOURCE_BARE_COOKIE"] };
    const instance = await start(source, bare);
    const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });
    const { runId } = await instance.supervisor.run("daily", doer());
    const again = instance.supervisor.run("daily", doer());
    await rejects(again, (error) =>
      error instanceof Refusal && error.code === "conflict" &&
      error.details?.[0]?.message === runId);
    await rejects(
      instance.supervisor.run("bare", doer()),
      (error) => error instanceof Refusal && /SOURCE_BARE_COOKIE not set/.test(error.message),
    );
    await rejects(
      instance.supervisor.run("nothing", doer()),
      (error) => error instanceof Refusal && error.code === "not_found",
    );
    equal((await instance.queries.findRun(runId))?.status, "running");
    await instance.idle();
    const run = await instance.queries.findRun(runId);
    deepEqual([run?.status, run?.trigger, runs.length], ["succeeded", "manual", 2]);
  },

  async "sources of one group take turns"({ start, clock }) {
    const one = scripted(["hang", {}], { name: "one", schedule: "* * * * *", group: "g" });
    const two = scripted([{}], { name: "two", schedule: "* * * * *", group: "g" });
    const instance = await start(one.source, two.source);
    await instance.tick();
    clock.advance(MINUTE);
    await instance.tick();
    deepEqual([one.runs.length, two.runs.length], [1, 0]);
    await instance.idle();
    await instance.tick();
    await instance.idle();
    equal(two.runs.length, 1);
  },

  async "sources of one group take turns among all instances"({ start, clock }) {
    const one = scripted(["hang", {}], { name: "one", schedule: "* * * * *", group: "g" });
    const two = scripted([{}], { name: "two", schedule: "* * * * *", group: "g" });
    const [first, second] = [await start(one.source), await start(two.source)];
    const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });
    await second.tick();
    await first.tick();
    const { runId } = await first.supervisor.run("one", doer());
    clock.advance(MINUTE);
    await second.tick();
    equal(two.runs.length, 0);
    await rejects(
      second.supervisor.run("two", doer()),
      (error) =>
        error instanceof Refusal && /one is running/.test(error.message) &&
        error.details[0]?.message === runId,
    );
    await first.idle();
    await second.tick();
    await second.idle();
    equal(two.runs.length, 1);
  },
});
