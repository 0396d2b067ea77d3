import { deepEqual, equal } from "node:assert/strict";
import type { Job } from "@/cron/job.ts";
import type { Instance } from "@/tests/support/supervised.ts";
import { DUE, MINUTE, NOW, type Scene, sceneTest, scripted } from "./scene.ts";

const DAY = 24 * 60 * MINUTE;
const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });

/** Source, reason and scheduled time of each skipped run, the oldest first. */
async function skipped(instance: Instance) {
  await instance.idle();
  const { runs } = await instance.queries.findRuns({ status: "skipped", page: 1, size: 50 });
  return runs.filter(({ source }) => source !== "daily-report")
    .map(({ source, errorMessage, scheduledFor }) => [source, errorMessage, scheduledFor])
    .reverse();
}

async function pass({ clock }: Scene, instance: Instance, ms: number): Promise<void> {
  clock.advance(ms);
  await instance.tick();
}

/** Runs until told to end. */
function held(options: Partial<Job> = {}): { source: Job; runs: number[]; release(): void } {
  const runs: number[] = [];
  let release = () => {};
  const source: Job = {
    ...{ name: "slow", schedule: "* * * * *", timeoutMs: null, ...options },
    run({ at }) {
      runs.push(at);
      return new Promise((resolve) => release = () => resolve({}));
    },
  };
  return { source, runs, release: () => release() };
}

sceneTest("supervisor says once why it does not run", {
  async "what is paused, for each pause, also after a restart"(scene) {
    const { source, runs } = scripted([{}], { schedule: "* * * * *" });
    const first = await scene.start(source);
    await first.supervisor.pause("daily", { ...doer(), reason: "holiday" });
    await first.tick();
    for (let minute = 0; minute < 3; minute++) await pass(scene, first, MINUTE);
    await first.stop();
    const second = await scene.start(source);
    for (let minute = 0; minute < 2; minute++) await pass(scene, second, MINUTE);
    deepEqual(await skipped(second), [["daily", "paused", NOW + MINUTE]]);
    await second.supervisor.resume("daily", doer());
    await second.tick();
    equal(runs.length, 0, "what was skipped is not made up for");
    await pass(scene, second, MINUTE);
    await second.idle();
    equal(runs.length, 1);
    await second.supervisor.pause("daily", { ...doer(), reason: "again" });
    for (let minute = 0; minute < 2; minute++) await pass(scene, second, MINUTE);
    equal((await skipped(second)).length, 2);
  },

  async "what has an open breaker, each time it opens"(scene) {
    const failing = scripted([new Error("no luck")], { schedule: "* * * * *" });
    const instance = await scene.start(failing.source);
    await instance.tick();
    for (let minute = 0; minute < 7; minute++) {
      await pass(scene, instance, MINUTE);
      await instance.idle();
    }
    equal(failing.runs.length, 3, "it opens after three");
    deepEqual(await skipped(instance), [["daily", "breaker_open", NOW + 4 * MINUTE]]);
    await pass(scene, instance, MINUTE);
    await instance.idle();
    equal(failing.runs.length, 4, "one probe after five minutes");
    for (let minute = 0; minute < 2; minute++) await pass(scene, instance, MINUTE);
    equal((await skipped(instance)).length, 2);
  },

  async "what is due at a venue of which another source has found out that it fails"(scene) {
    const site = { venue: "site" };
    const failing = scripted([new Error("no luck")], { ...site, schedule: "* * * * *" });
    const other = scripted([{}], { ...site, name: "other", schedule: "5 11 * * *" });
    const instance = await scene.start(failing.source, other.source);
    await instance.tick();
    for (let minute = 0; minute < 5; minute++) {
      await pass(scene, instance, MINUTE);
      await instance.idle();
    }
    equal(other.runs.length, 0);
    deepEqual((await skipped(instance)).filter(([source]) => source === "other"), [
      ["other", "breaker_open", NOW + 5 * MINUTE],
    ]);
  },

  async "what still runs, for the first time that is never run"(scene) {
    const { source, runs, release } = held();
    const instance = await scene.start(source);
    await instance.tick();
    for (let minute = 0; minute < 5; minute++) {
      await pass(scene, instance, MINUTE);
      await instance.until(() => runs.length > 0);
    }
    release();
    await instance.idle();
    await instance.tick();
    await instance.until(() => runs.length === 2);
    release();
    deepEqual(await skipped(instance), [["slow", "already_running", NOW + 2 * MINUTE]]);
    deepEqual(runs, [NOW + MINUTE, NOW + 5 * MINUTE], "the newest is made up for");
  },

  async "nothing of a time that only waited its turn"(scene) {
    const { source, runs, release } = held({ schedule: "30 3 * * *" });
    const instance = await scene.start(source);
    await instance.tick();
    await pass(scene, instance, DUE - NOW - MINUTE);
    await instance.supervisor.run("slow", doer());
    for (let minute = 0; minute < 3; minute++) await pass(scene, instance, MINUTE);
    release();
    await instance.idle();
    await instance.tick();
    await instance.until(() => runs.length === 2);
    release();
    deepEqual(await skipped(instance), []);
    equal(runs[1], DUE);
  },

  async "what is not configured, once until its settings are there"(scene) {
    const { source, runs } = scripted([{}]);
    const bare: Job = { ...source, missing: ["SOURCE_DAILY_TOKEN"] };
    const first = await scene.start(bare);
    await first.tick();
    deepEqual(await skipped(first), [], "a new installation owes nothing");
    for (let day = 0; day < 3; day++) await pass(scene, first, DAY);
    await first.stop();
    const second = await scene.start(bare);
    await second.tick();
    for (let day = 0; day < 2; day++) await pass(scene, second, DAY);
    deepEqual(await skipped(second), [["daily", "not_configured", DUE]]);
    await second.stop();
    const third = await scene.start(source);
    await third.tick();
    await pass(scene, third, DAY);
    await third.idle();
    equal(runs.length, 1);
    const fourth = await scene.start(bare);
    await fourth.tick();
    await pass(scene, fourth, DAY);
    equal((await skipped(fourth)).length, 2, "they went missing again");
  },

  async "what has no session, once for each time the market is closed"(scene) {
    // Shanghai: 2 May and 5 May 2024 are days of trading, what lies between is not.
    const open = [DUE, DUE + 3 * DAY];
    const { source, runs } = scripted([{}], { isDue: (at) => open.includes(at) });
    const instance = await scene.start(source);
    await instance.tick();
    deepEqual(await skipped(instance), [], "a new installation owes nothing");
    await pass(scene, instance, DUE - NOW);
    for (let day = 0; day < 5; day++) {
      await instance.idle();
      await pass(scene, instance, DAY);
    }
    deepEqual(await skipped(instance), [
      ["daily", "no_session", DUE + DAY],
      ["daily", "no_session", DUE + 4 * DAY],
    ]);
    equal(runs.length, 1, "the first time of an installation is passed over");
  },
});
