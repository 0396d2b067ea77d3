import { deepEqual, equal } from "node:assert/strict";
import type { Job, JobReport } from "@/cron/job.ts";
import { DUE, NOW, sceneTest, scripted, unreachable } from "./scene.ts";

sceneTest("supervisor after the worst", {
  async "records a run that was stopped with the service, and makes up for it"(scene) {
    const { start, clock, types } = scene;
    const { source, runs } = scripted(["hang", {}]);
    const first = await start(source);
    await first.tick();
    clock.advance(DUE - NOW);
    await first.tick();
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
    const { start, clock, database } = scene;
    let finish = (_: JobReport) => {};
    const late: Job = {
      ...{ name: "late", schedule: "30 3 * * *", timeoutMs: null },
      run: () => new Promise((resolve) => finish = resolve),
    };
    const first = await start(late);
    await first.tick();
    clock.advance(DUE - NOW);
    await first.tick();
    await first.until(() => first.jobs.list().length === 1);
    const finishFirst = () => finish({ rows: 1 });
    await database.query("update crawler_lease set beat_at = now() - interval '1 hour'");
    const { source, runs } = scripted([{ rows: 2 }], { name: "late" });
    const second = await start(source);
    await second.tick();
    await second.idle();
    equal(runs.length, 1);
    finishFirst();
    await first.idle();
    const { runs: ended } = await second.queries.findRuns({ page: 1, size: 5 });
    deepEqual(
      ended.map(({ status, rows, trigger, crashes }) => [status, rows, trigger, crashes]).sort(),
      [["crashed", null, "schedule", 0], ["succeeded", 2, "after_crash", 1]],
    );
    await second.until(() => second.told.length > 0);
  },

  async "does not run for ever what takes its process down each time"({ start, clock, database }) {
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    let instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    for (let death = 0; death < 6; death++) {
      await instance.until(() => runs.length === Math.min(death + 1, 4));
      await database.query("update crawler_lease set beat_at = now() - interval '1 hour'");
      instance = await start(source);
      await instance.tick();
    }
    equal(runs.length, 4);
    const { total } = await instance.queries.findRuns({ status: "crashed", page: 1, size: 1 });
    equal(total, 4);
  },

  async "tells of a failure while the database is away; the record follows"(
    { start, clock, types },
  ) {
    const { source } = scripted([unreachable()], { retry: { maxAttempts: 1 } });
    const instance = await start({
      ...source,
      run(context) {
        instance.cut(true);
        return source.run(context);
      },
    });
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
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
});
