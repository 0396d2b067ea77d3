import { equal, rejects } from "node:assert/strict";
import { createAwake } from "@/adapters/lake/awake.ts";

// A timer that outlives its work fails these tests as a leak.

Deno.test("the loop turns as long as any work runs, and not a moment longer", async () => {
  const beats = Promise.withResolvers<void>();
  let beaten = 0;
  const awake = createAwake(() => ++beaten === 3 && beats.resolve(), 1);
  const long = awake(() => beats.promise.then(() => "long"));
  equal(await awake(() => Promise.resolve("short")), "short");
  equal(await long, "long");
  equal(beaten >= 3, true);
});

Deno.test("work that fails lets the loop sleep again, and later work wakes it", async () => {
  const beaten = Promise.withResolvers<void>();
  const awake = createAwake(() => beaten.resolve(), 1);
  await rejects(awake(() => Promise.reject(new Error("no luck"))), /no luck/);
  await awake(() => beaten.promise);
});
