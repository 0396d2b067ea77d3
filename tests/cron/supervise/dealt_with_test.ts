import { deepEqual, equal } from "node:assert/strict";
import type { Job } from "@/cron/job.ts";
import type { Instance } from "@/tests/support/supervised.ts";
import { DUE, MINUTE, NOW, type Scene, sceneTest, scripted } from "./scene.ts";

const DAY = 24 * 60 * MINUTE;
const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });

/** Reason and scheduled time of each skipped run of the source, the oldest first. */
async function skipped(instance: Instance, source: string) {
  await instance.idle();
  const { runs } = await instance.queries.findRuns({
    source,
    status: "skipped",
    page: 1,
    size: 50,
  });
  return runs.map(({ errorMessage, scheduledFor }) => [errorMessage, scheduledFor]).reverse();
}

async function pass({ clock }: Scene, ms: number, ...instances: Instance[]): Promise<void> {
  clock.advance(ms);
  await Promise.all(instances.map((instance) => instance.tick()));
}

/** Runs until told to end. */
function held(): { source: Job; runs: number[]; release(): void } {
  const runs: number[] = [];
  let release = () => {};
  const source: Job = {
    ...{ name: "slow", schedule: "* * * * *", timeoutMs: null },
    run({ at }) {
      runs.push(at);
      return new Promise((resolve) => release = () => resolve({}));
    },
  };
  return { source, runs, release: () => release() };
}

/** Opens the breaker of the venue for five minutes. */
async function openBreaker(instance: Instance): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await instance.supervisor.run("failing", doer());
    await instance.idle();
  }
}

const failing = scripted([new Error("no luck")], {
  ...{ name: "failing", venue: "house", schedule: "0 0 1 1 *" },
}).source;

sceneTest("supervisor and a time that is dealt with", {
  async "runs what is wanted before its time at the next look, once a run, on one instance"(scene) {
    const { source: slow, runs, release } = held();
    let isWanted = false;
    const source: Job = {
      ...{ ...slow, schedule: "30 3 * * *", isWanted: () => isWanted },
      run(context) {
        isWanted = false;
        return slow.run(context);
      },
    };
    const both = [await scene.start(source), await scene.start(source)] as const;
    await pass(scene, MINUTE, ...both);
    equal(runs.length, 0);
    isWanted = true;
    await pass(scene, MINUTE, ...both);
    await both[0].until(() => runs.length === 1);
    isWanted = true;
    await pass(scene, MINUTE, ...both);
    equal(runs.length, 1, "it still runs");
    release();
    await Promise.all(both.map((instance) => instance.idle()));
    await pass(scene, MINUTE, ...both);
    await both[0].until(() => runs.length === 2);
    release();
    await Promise.all(both.map((instance) => instance.idle()));
    await pass(scene, MINUTE, ...both);
    equal(runs.length, 2);
    deepEqual(await skipped(both[0], "slow"), []);
    deepEqual(await scene.types(both[0]), [
      ...["CrawlerRunStarted", "CrawlerSucceeded"],
      ...["CrawlerRunStarted", "CrawlerSucceeded"],
    ]);
  },

  async "calls nothing skipped that another instance has run"(scene) {
    const { source, runs, release } = held();
    const both = [await scene.start(source), await scene.start(source)] as const;
    for (const instance of both) await instance.tick();
    for (let minute = 1; minute <= 4; minute++) {
      await pass(scene, MINUTE, ...both);
      await both[0].until(() => runs.length === minute);
      release();
      for (const instance of both) await instance.idle();
    }
    deepEqual(runs, [1, 2, 3, 4].map((minute) => NOW + minute * MINUTE));
    deepEqual(await skipped(both[0], "slow"), []);
  },

  async "calls nothing skipped that it has run without being able to mark it"(scene) {
    const { source, runs, release } = held();
    const instance = await scene.start(source);
    await instance.tick();
    await scene.database.script(`
      create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'disk full'; end $$;
      create trigger refuse before insert or update on job_seen
        for each row execute function refuse();`);
    await pass(scene, MINUTE, instance);
    await instance.until(() => runs.length === 1);
    await scene.database.script("drop trigger refuse on job_seen");
    await instance.tick();
    await pass(scene, MINUTE, instance);
    release();
    await instance.idle();
    await instance.tick();
    await instance.until(() => runs.length === 2);
    release();
    deepEqual(await skipped(instance, "slow"), []);
  },

  async "is not silenced by a clock that was a day ahead"(scene) {
    const { source, runs } = scripted([{}], { schedule: "* * * * *" });
    const bare: Job = { ...source, name: "bare", missing: ["SOURCE_BARE_TOKEN"] };
    scene.clock.advance(DAY);
    const instance = await scene.start(source, bare);
    await pass(scene, 0, instance);
    await pass(scene, MINUTE, instance);
    await instance.idle();
    equal(runs.length, 1);
    scene.clock.advance(-DAY);
    for (let minute = 0; minute < 2; minute++) {
      await pass(scene, MINUTE, instance);
      await instance.idle();
    }
    deepEqual(runs.slice(1).map(({ at }) => at), [NOW + 2 * MINUTE, NOW + 3 * MINUTE]);
    equal((await skipped(instance, "bare")).length, 1);
  },

  async "starts what an open breaker kept waiting as soon as the venue is asked again"(scene) {
    const { source, runs } = scripted([{}], { venue: "house" });
    const first = await scene.start(source, failing);
    await first.tick();
    scene.clock.advance(DUE - NOW);
    await openBreaker(first);
    await first.tick();
    await pass(scene, MINUTE, first);
    deepEqual(await skipped(first, "daily"), [["breaker_open", DUE]]);
    await first.stop();
    const second = await scene.start(source, failing);
    for (let minute = 0; minute < 6; minute++) {
      await pass(scene, MINUTE, second);
      await second.idle();
    }
    deepEqual(runs.map(({ at }) => at), [DUE]);
    equal((await second.queries.breakers()).get("house")?.status, "closed");
  },

  async "makes up for a crash when the venue is asked again"(scene) {
    const { source, runs } = scripted(["hang", {}], { venue: "house", timeoutMs: null });
    const first = await scene.start(source, failing);
    await first.tick();
    await pass(scene, DUE - NOW, first);
    await first.until(() => runs.length === 1);
    await scene.die(first);
    const second = await scene.start(source, failing);
    await openBreaker(second);
    await scene.takeOver(second);
    await second.idle();
    equal(runs.length, 1);
    for (let minute = 0; minute < 6; minute++) {
      await pass(scene, MINUTE, second);
      await second.idle();
    }
    deepEqual(runs.map(({ at }) => at), [DUE, DUE]);
    deepEqual(await scene.database.query("select source from crawler_lease"), []);
  },
});
