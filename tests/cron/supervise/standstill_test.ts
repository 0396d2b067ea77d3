import { deepEqual, equal, match } from "node:assert/strict";
import type { Scene } from "./scene.ts";
import { DUE, MINUTE, NOW, sceneTest, scripted } from "./scene.ts";

sceneTest("a schedule that cannot start what is due", {
  async "is told after three minutes, without a database, and once more when it is over"(
    { start, clock }: Scene,
  ) {
    const { source, runs } = scripted([{ rows: 1 }]);
    const instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW - MINUTE);
    await instance.tick();
    instance.cut(true);
    for (let minute = 0; minute < 3; minute++) {
      clock.advance(MINUTE);
      await instance.tick();
    }
    equal(instance.told.length, 0, "a restart of the database is no news");
    for (let minute = 3; minute < 8; minute++) {
      clock.advance(MINUTE);
      await instance.tick();
    }
    await instance.until(() => instance.told.length > 0);
    deepEqual(instance.told.map(({ title }) => title), [
      "[FAILED] Scheduled runs cannot be started",
    ]);
    instance.cut(false);
    await instance.tick();
    await instance.until(() => instance.told.length > 1);
    await instance.idle();
    equal(instance.told[1]?.title, "[RECOVERED] Scheduled runs are started again");
    equal(runs.length, 1, "what was missed is made up for");
    await instance.tick();
    equal(instance.told.length, 2);
    await instance.until(() => instance.waiting() === 0);
    await recorded(instance, 2);
  },

  async "is told again when it comes again"({ start, clock }) {
    const instance = await start();
    for (let round = 0; round < 2; round++) {
      await instance.tick();
      // What is on its way waits for a clock that stands still when the database goes meanwhile.
      await instance.until(() => instance.told.length === 2 * round);
      await instance.idle();
      instance.cut(true);
      for (let minute = 0; minute < 4; minute++) {
        clock.advance(MINUTE);
        await instance.tick();
      }
      await instance.until(() => instance.told.length === 2 * round + 1);
      instance.cut(false);
    }
    await instance.tick();
    await instance.until(() => instance.told.length === 4);
  },

  async "names the source whose time alone cannot be found out"({ start, clock }) {
    const { source } = scripted([{}], {
      isDue() {
        throw new Error("no calendar of this year");
      },
    });
    const instance = await start(source);
    for (let minute = 0; minute < 5; minute++) {
      await instance.tick();
      clock.advance(MINUTE);
    }
    await instance.until(() => instance.told.length > 0);
    match(instance.told[0]?.markdown ?? "", /daily: no calendar of this year/);
  },
});

/** The record follows when the database is back. */
async function recorded(
  { store, until }: Awaited<ReturnType<Scene["start"]>>,
  count: number,
): Promise<void> {
  let found = 0;
  for (let look = 0; found < count && look < 50; look++) {
    let isSeen = false;
    store.readAll({ after: 0, limit: 1_000, types: ["AlertRaised"] }).then((events) => {
      found = events.length;
      isSeen = true;
    });
    await until(() => isSeen);
    let isOver = false;
    setTimeout(() => isOver = true);
    await until(() => isOver);
  }
  equal(found, count);
}
