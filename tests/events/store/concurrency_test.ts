import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import type { EventStore } from "@/events/store/store.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import { testCatalog } from "../../contract/event_store_catalog.ts";
import { logTest } from "./open_log.ts";
import { assertLog, carryOut, type Sent, type Step, tail } from "./oracle.ts";

const step: fc.Arbitrary<Step> = fc.record({
  streams: fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1, maxLength: 3 }),
  belief: fc.constantFrom("any", "none", "read", "read", "stale"),
  count: fc.integer({ min: 1, max: 3 }),
  repeat: fc.boolean(),
});
const writer = fc.array(step, { minLength: 1, maxLength: 12 });
const run = fc.record({
  writers: fc.array(writer, { minLength: 2, maxLength: 8 }),
  pages: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 3 }),
});
type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

/** Writers and readers side by side, each at one of several stores on the same empty log. */
async function holds(
  stores: readonly [EventStore, ...EventStore[]],
  { writers, pages }: Run,
): Promise<void> {
  const at = (i: number) => stores[i % stores.length] ?? stores[0];
  const readers = pages.map((limit, i) => tail(at(i), { limit, maxBytes: limit * 20 }));
  const sent: Sent[] = [];
  await Promise.all(writers.map(async (steps, i) => {
    for (const step of steps) sent.push(await carryOut(step, [at(i), at(i + 1)]));
  }));
  for (const reader of readers) await reader.finish();
  const log = await assertLog(at(0), sent);
  for (const { seen } of readers) deepEqual(seen, log);
}

Deno.test("the log is dense, ordered and complete under random writers (memory)", async () => {
  await fc.assert(
    fc.asyncProperty(run, async (given) => {
      await holds([new MemoryEventStore({ catalog: testCatalog })], given);
    }),
    { numRuns: 60 },
  );
});

logTest("the log is dense, ordered and complete under random writers", async (log) => {
  const others = [await log.another(await log.again()), await log.another(await log.again())];
  await fc.assert(
    fc.asyncProperty(run, async (given) => {
      await log.database.script(`
        alter table event disable trigger user; truncate event; alter table event enable trigger user`);
      await holds([log.store, ...others], given);
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
