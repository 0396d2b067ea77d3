import { deepEqual, equal } from "node:assert/strict";
import { createTraffic } from "@/adapters/database/give_way.ts";

/** A clock that only sleeping moves on, and what happens meanwhile. */
function scene(meanwhile: Readonly<Record<number, () => void>> = {}) {
  let now = 1_000;
  const traffic = createTraffic({
    now: () => now,
    sleep: (ms) => {
      now += ms;
      meanwhile[now]?.();
      return Promise.resolve();
    },
  });
  /** A statement of one's own or of somebody else that takes so long. */
  const statement = async (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = traffic.during(promise);
    now += ms;
    resolve();
    await done;
  };
  const giveWay = async () => {
    const before = now;
    await traffic.giveWay();
    return now - before;
  };
  return { traffic, statement, giveWay };
}

Deno.test("giving way: who is alone never waits", async () => {
  const { statement, giveWay } = scene();
  const waits = [await giveWay()];
  for (let n = 0; n < 3; n++) {
    await statement(20);
    waits.push(await giveWay());
  }
  deepEqual(waits, [0, 0, 0, 0]);
});

Deno.test("giving way: after another's statement until nobody has asked for a moment", async () => {
  const { statement, giveWay } = scene();
  await giveWay();
  await statement(20);
  await statement(2);
  equal(await giveWay(), 5);
});

Deno.test("giving way: while another's statement runs, and a moment longer", async () => {
  const running = Promise.withResolvers<void>();
  const { traffic, statement, giveWay } = scene({ 1_030: running.resolve });
  await giveWay();
  await statement(20);
  const done = traffic.during(running.promise);
  equal(await giveWay(), 15);
  await done;
});

Deno.test("giving way: no longer than its own statement took, whatever the others do", async () => {
  const { traffic, statement, giveWay } = scene();
  const never = traffic.during(Promise.withResolvers<void>().promise);
  await giveWay();
  const waits: number[] = [];
  for (const ms of [8, 20, 3_000]) {
    await statement(ms);
    waits.push(await giveWay());
  }
  deepEqual(waits, [8, 20, 40]);
  void never;
});
