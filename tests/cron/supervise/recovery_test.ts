import { deepEqual, equal } from "node:assert/strict";
import type { Job, JobReport } from "@/cron/job.ts";
import { BEAT_MS } from "@/cron/beats.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import type { FakeClock } from "@/tests/support/fake_clock.ts";
import type { Instance } from "@/tests/support/supervised.ts";
import {
  DUE,
  MINUTE,
  NOW,
  type Scene,
  sceneTest,
  scripted,
  type Told,
  unreachable,
} from "./scene.ts";

/** Until a beat of its run has been written. */
async function beaten(instance: Instance, clock: FakeClock): Promise<void> {
  clock.advance(BEAT_MS);
  let isOver = false;
  setTimeout(() => isOver = true);
  await instance.until(() => isOver && !instance.isBusy());
}

/** Its source is due, and its first attempt loses the database. */
async function startCutOff({ start, clock }: Scene, source: Job): Promise<Told> {
  let isFirst = true;
  const instance = await start({
    ...source,
    run(context) {
      if (isFirst) instance.cut(true);
      isFirst = false;
      return source.run(context);
    },
  });
  await instance.tick();
  clock.advance(DUE - NOW);
  await instance.tick();
  return instance;
}

sceneTest("supervisor after the worst", {
  async "records a run that was stopped with the service, and makes up for it"(scene) {
    const { startDue, start, types } = scene;
    const { source, runs } = scripted(["hang", {}]);
    const first = await startDue(source);
    await first.until(() => runs.length === 1);
    await first.stop();
    const second = await start(source);
    await second.tick();
    await second.idle();
    equal(runs.length, 2);
    deepEqual(await types(second), [
      ...["CrawlerRunStarted", "CrawlerCrashed", "CrawlerRunStarted", "CrawlerSucceeded"],
    ]);
    const { runs: [run] } = await second.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.trigger, run?.crashes], ["after_crash", 0]);
    deepEqual(second.told, [], "an orderly stop is no news");
  },

  async "closes a run whose process is gone and runs it again; a late end changes nothing"(scene) {
    const { startDue, start, die, takeOver } = scene;
    let finish = (_: JobReport) => {};
    const late: Job = {
      ...{ name: "late", schedule: "30 3 * * *", timeoutMs: null },
      run: () => new Promise((resolve) => finish = resolve),
    };
    const first = await startDue(late);
    await first.until(() => first.jobs.list().length === 1);
    const finishFirst = () => finish({ rows: 1 });
    await die(first);
    const { source, runs } = scripted([{ rows: 2 }], { name: "late" });
    const second = await start(source);
    await takeOver(second);
    await second.idle();
    equal(runs.length, 1);
    first.cut(false);
    finishFirst();
    await first.idle();
    const { runs: ended } = await second.queries.findRuns({ page: 1, size: 5 });
    deepEqual(
      ended.map(({ status, rows, trigger, crashes }) => [status, rows, trigger, crashes]).sort(),
      [["crashed", null, "schedule", 0], ["succeeded", 2, "after_crash", 1]],
    );
    await second.until(() => second.told.length > 0);
  },

  async "does not run for ever what takes its process down each time"(scene) {
    const { start, clock, die, takeOver } = scene;
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    let instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    for (let death = 0; death < 6; death++) {
      await instance.until(() => runs.length === Math.min(death + 1, 4));
      await die(instance);
      instance = await start(source);
      await takeOver(instance);
    }
    equal(runs.length, 4);
    await instance.idle();
    const { total } = await instance.queries.findRuns({ status: "crashed", page: 1, size: 1 });
    equal(total, 4);
  },

  async "tells of a failure while the database is away; the record follows"(scene) {
    const { clock, types } = scene;
    const { source } = scripted([unreachable()], { retry: { maxAttempts: 1 } });
    const instance = await startCutOff(scene, source);
    await instance.until(() => instance.told.length > 0);
    deepEqual(instance.told.length, 1);
    instance.cut(false);
    await instance.idle();
    deepEqual((await types(instance)).at(-1), "CrawlerFailed");
    await instance.until(() => instance.told.length > 0);
    await instance.tick();
    clock.advance(30_000);
    await instance.tick();
    equal(instance.told.length, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    equal(run?.status, "failed");
  },

  async "tries on while the database is away, tells the end at once; the records follow in order"(
    scene,
  ) {
    const { clock, types } = scene;
    const { source, runs } = scripted([unreachable()]);
    const instance = await startCutOff(scene, source);
    await instance.until(() => instance.told.length > 0);
    equal(runs.length, 4);
    equal(clock.now(), DUE + 3 * MINUTE, "no attempt waited for the database");
    instance.cut(false);
    await instance.idle();
    deepEqual(await types(instance), [
      ...["CrawlerRunStarted", "CrawlerAttempted", "CrawlerAttempted", "CrawlerAttempted"],
      "CrawlerFailed",
    ]);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual(run?.attempts.map(({ startedAt }) => startedAt - DUE), [
      ...[0, MINUTE, 2 * MINUTE, 3 * MINUTE],
    ]);
    equal(instance.told.length, 1);
  },

  async "waits for the database where it was what an attempt failed on"(scene) {
    const { clock } = scene;
    const lost = new DatabaseError("connection lost", { sqlstate: "08006" });
    const { source, runs } = scripted([lost, { rows: 1 }]);
    const instance = await startCutOff(scene, source);
    await instance.until(() => clock.now() > DUE + 10 * MINUTE);
    equal(runs.length, 1, "without it no attempt can come right");
    instance.cut(false);
    await instance.idle();
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.attempts.length], ["succeeded", 2]);
  },

  async "ends a run whose late records are refused because another one took its place"(scene) {
    const { start, clock, die, takeOver } = scene;
    const { source, runs } = scripted([unreachable()], { retry: { delayMs: 24 * 60 * MINUTE } });
    const dead = Promise.withResolvers<void>();
    const first = await start({
      ...source,
      async run(context) {
        await die(first);
        dead.resolve();
        return await source.run(context);
      },
    });
    await first.tick();
    clock.advance(DUE - NOW);
    await first.tick();
    // No time passes meanwhile: nobody counts what its death asks of the database.
    await dead.promise;
    equal(runs.length, 1);
    const second = await start(scripted([{ rows: 2 }]).source);
    await takeOver(second);
    await second.until(() => second.jobs.list().every(({ status }) => status === "succeeded"));
    first.cut(false);
    await first.idle();
    await second.idle();
    equal(runs.length, 1, "nothing is tried in vain");
    const { runs: ended } = await second.queries.findRuns({ page: 1, size: 5 });
    deepEqual(
      ended.map(({ status, rows, attempts }) => [status, rows, attempts.length]).sort(),
      [["crashed", null, 1], ["succeeded", 2, 1]],
    );
    await second.until(() => second.told.length > 0);
  },

  async "lets a run live that could not show itself while the database was away"(scene) {
    const { startDue, start, clock, database, types } = scene;
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    const second = await start(source);
    await second.tick();
    const first = await startDue(source);
    await first.until(() => runs.length === 1);
    // As both find it when the database is back: nobody was heard of for an hour.
    await database.query("update crawler_lease set beat_at = now() - interval '1 hour'");
    await second.tick();
    await beaten(first, clock);
    clock.advance(MINUTE);
    await second.tick();
    deepEqual(await types(second), ["CrawlerRunStarted"]);
    equal(runs.length, 1);
  },

  async "makes up for a run though whoever took its place died before it was recorded"(scene) {
    const { startDue, start, die, takeOver, types } = scene;
    const first = await startDue(scripted(["hang"], { timeoutMs: null }).source);
    await first.until(() => first.jobs.list().length === 1);
    await die(first);
    const second = await start(scripted(["hang"], { timeoutMs: null }).source);
    second.dieBefore("CrawlerRunStarted");
    await takeOver(second);
    await die(second);
    const again = scripted([{ rows: 3 }]);
    const third = await start(again.source);
    await takeOver(third);
    await third.idle();
    deepEqual(await types(third), [
      ...["CrawlerRunStarted", "CrawlerCrashed", "CrawlerRunStarted", "CrawlerSucceeded"],
    ]);
    const { runs: [run] } = await third.queries.findRuns({ page: 1, size: 1 });
    const [crashed] = await third.log();
    deepEqual([run?.retryOf, run?.crashes, run?.scheduledFor], [crashed?.data.runId, 1, DUE]);
  },

  async "a command waits until it is sure that the run before is gone, then closes it"(scene) {
    const { startDue, start, die, types } = scene;
    const first = await startDue(scripted(["hang"], { timeoutMs: null }).source);
    await first.until(() => first.jobs.list().length === 1);
    await die(first);
    const { source } = scripted([{ rows: 5 }]);
    const command = await start(source);
    const { signal } = new AbortController();
    let report: JobReport | undefined;
    command.supervisor.runToEnd("daily", { actor: "me", progress: silentProgress, signal })
      .then((value) => report = value);
    await command.until(() => report !== undefined);
    deepEqual(report, { rows: 5 });
    deepEqual(await types(command), [
      ...["CrawlerRunStarted", "CrawlerCrashed", "CrawlerRunStarted", "CrawlerSucceeded"],
    ]);
  },
});
