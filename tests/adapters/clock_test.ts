import assert from "node:assert/strict";
import { systemClock } from "@/adapters/clock.ts";

Deno.test("system clock tells the machine's time", () => {
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1_000);
});

Deno.test("system clock wakes when the time has come", async () => {
  const startedAt = performance.now();
  await systemClock.sleep(5);
  assert.ok(performance.now() - startedAt >= 4);
  await systemClock.sleep(-1);
});

Deno.test("system clock stops sleeping with the signal's reason, however long it was to be", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const sleeping = systemClock.sleep(2 ** 40, stop.signal);
  stop.abort(reason);
  await assert.rejects(sleeping, reason);
  await assert.rejects(systemClock.sleep(1, stop.signal), reason);
});
