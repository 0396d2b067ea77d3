import { equal } from "node:assert/strict";
import { createWaiters } from "@/projections/waiters.ts";

const LONG_MS = 60_000;

function openWaiters() {
  let [applied, stopped] = [0, false];
  const waiters = createWaiters(({ position }) =>
    applied >= position ? true : stopped ? false : undefined
  );
  return {
    waiters,
    at(position: number) {
      applied = position;
      waiters.settle();
    },
    stop() {
      stopped = true;
      waiters.settle();
    },
  };
}

const to = (position: number) => ({ position, names: undefined });

Deno.test("waiters: each goes when its position is passed, not before", async () => {
  const { waiters, at } = openWaiters();
  const order: number[] = [];
  const waits = [3, 1, 2].map((position) =>
    waiters.wait(to(position), LONG_MS).then((passed) => {
      equal(passed, true);
      order.push(position);
    })
  );
  at(1);
  await waits[1];
  at(2);
  await waits[2];
  equal(order.join(), "1,2");
  at(7);
  await Promise.all(waits);
  equal(order.join(), "1,2,3");
});

Deno.test("waiters: one whose position is passed already does not wait", async () => {
  const { waiters, at } = openWaiters();
  at(5);
  equal(await waiters.wait(to(5), LONG_MS), true);
});

Deno.test("waiters: the timeout answers false", async () => {
  const { waiters } = openWaiters();
  equal(await waiters.wait(to(1), 1), false);
});

Deno.test("waiters: nobody waits for what will not come", async () => {
  const { waiters, stop } = openWaiters();
  const waiting = waiters.wait(to(1), LONG_MS);
  stop();
  equal(await waiting, false);
  equal(await waiters.wait(to(1), LONG_MS), false);
});

Deno.test("waiters: the end lets everybody go, those too who come later", async () => {
  const { waiters, at } = openWaiters();
  const waiting = waiters.wait(to(1), LONG_MS);
  waiters.close();
  equal(await waiting, false);
  equal(await waiters.wait(to(1), LONG_MS), false);
  at(1);
  equal(await waiters.wait(to(1), LONG_MS), true);
});
