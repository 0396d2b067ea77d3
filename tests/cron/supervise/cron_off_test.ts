import { deepEqual, equal } from "node:assert/strict";
import { DUE, MINUTE, NOW, sceneTest, scripted } from "./scene.ts";

const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });

sceneTest("supervisor whose schedule is switched off", {
  async "starts nothing, neither at the start nor when it is due, and runs by hand"(scene) {
    const { startWithoutSchedule, clock, types } = scene;
    const daily = scripted([{ rows: 1 }]);
    const live = scripted([{}], { name: "live", schedule: "* * * * *", atStart: true });
    const bare = scripted([{}], { name: "bare", missing: ["SOURCE_BARE_TOKEN"] });
    const instance = await startWithoutSchedule(daily.source, live.source, bare.source);
    await instance.tick();
    clock.advance(DUE - NOW);
    for (let minute = 0; minute < 3; minute++) {
      await instance.tick();
      clock.advance(MINUTE);
    }
    deepEqual(await types(instance), []);
    equal(instance.supervisor.nextRunAt("daily"), undefined);
    await instance.supervisor.run("daily", doer());
    await instance.idle();
    deepEqual(await types(instance), ["CrawlerRunStarted", "CrawlerSucceeded"]);
    deepEqual([daily.runs.length, live.runs.length], [1, 0]);
  },

  async "closes what died, and leaves it to who has a schedule to make up for it"(scene) {
    const { startDue, start, startWithoutSchedule, die, takeOver, types } = scene;
    const { source, runs } = scripted(["hang", { rows: 1 }], { timeoutMs: null });
    const first = await startDue(source);
    await first.until(() => runs.length === 1);
    await die(first);
    const off = await startWithoutSchedule(source);
    await takeOver(off);
    for (let minute = 0; minute < 2; minute++) await off.tick();
    deepEqual(await types(off), ["CrawlerRunStarted", "CrawlerCrashed"]);
    equal(runs.length, 1);
    const second = await start(source);
    await second.tick();
    await second.idle();
    const { runs: [run] } = await second.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.trigger, run?.crashes], ["succeeded", "after_crash", 1]);
  },

  async "lets a run by hand take the place of what was left to others"(scene) {
    const { startDue, start, startWithoutSchedule, types } = scene;
    const { source, runs } = scripted(["hang", { rows: 1 }], { timeoutMs: null });
    const first = await startDue(source);
    await first.until(() => runs.length === 1);
    await first.stop();
    const off = await startWithoutSchedule(source);
    await off.tick();
    await off.supervisor.run("daily", doer());
    await off.idle();
    deepEqual(await types(off), [
      ...["CrawlerRunStarted", "CrawlerCrashed", "CrawlerRunStarted", "CrawlerSucceeded"],
    ]);
    const second = await start(source);
    await second.tick();
    await second.idle();
    equal(runs.length, 2, "nothing is owed any more");
  },
});
