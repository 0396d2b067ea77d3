import { deepEqual, equal, rejects } from "node:assert/strict";
import type { JobReport } from "@/cron/job.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { Refusal } from "@/domain/decider.ts";
import { DUE, NOW, sceneTest, scripted, unreachable } from "./scene.ts";

const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });
const isBusy = (error: unknown) => error instanceof Refusal && error.code === "conflict";

sceneTest("supervisor with work of a person's own in a source's place", {
  async "holds off the schedule and everybody else meanwhile, and is a run by hand"(scene) {
    const { start, clock } = scene;
    const { source, runs } = scripted([{ rows: 1 }]);
    const [first, second] = [await start(source), await start(source)];
    for (const instance of [second, first]) await instance.tick();
    let finish = (_: JobReport) => {};
    const { runId } = await first.supervisor.run(
      "daily",
      doer(),
      () => new Promise((resolve) => finish = resolve),
    );
    clock.advance(DUE - NOW);
    await second.tick();
    const { signal } = new AbortController();
    const command = { actor: "me", progress: silentProgress, signal };
    await rejects(second.supervisor.run("daily", doer()), isBusy);
    await rejects(second.supervisor.runToEnd("daily", command), isBusy);
    await first.until(() => first.jobs.list().length === 1);
    finish({ rows: 7 });
    await first.idle();
    equal(runs.length, 0);
    const run = await first.queries.findRun(runId);
    deepEqual([run?.status, run?.trigger, run?.rows], ["succeeded", "manual", 7]);
    await second.tick();
    await second.idle();
    equal(runs[0]?.at, DUE, "what was due meanwhile is made up for");
  },

  async "leaves the source free where that very run was started before"(
    { start, database, clock },
  ) {
    const { source, runs } = scripted([{ rows: 1 }]);
    const instance = await start(source);
    const again = doer();
    await instance.supervisor.run("daily", again);
    await instance.idle();
    clock.advance(1);
    await rejects(instance.supervisor.run("daily", again), isBusy);
    equal(runs.length, 1);
    deepEqual(await database.query("select source from crawler_lease"), []);
  },

  async "does nothing when it was stopped before its start was recorded"(
    { start, types, database },
  ) {
    const { source, runs } = scripted(["hang"]);
    const instance = await start(source);
    const reason = new Error("stop");
    const command = { actor: "me", progress: silentProgress, signal: AbortSignal.abort(reason) };
    await rejects(instance.supervisor.runToEnd("daily", command));
    equal(runs.length, 0);
    deepEqual(await types(instance), ["CrawlerRunStarted", "CrawlerCrashed"]);
    deepEqual(await database.query("select source from crawler_lease"), []);
  },

  async "is tried once: whoever started it decides"({ start }) {
    const { source } = scripted([{}]);
    const instance = await start(source);
    let attempts = 0;
    await instance.supervisor.run("daily", doer(), () => {
      attempts++;
      return Promise.reject(unreachable());
    });
    await instance.until(() => instance.told.length > 0);
    await instance.idle();
    equal(attempts, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.errorClass], ["failed", "NetworkError"]);
  },
});
