import { deepEqual, equal } from "node:assert/strict";
import { MemoryEventStore } from "@/events/store/memory.ts";
import type { Upcaster } from "@/events/store/upcast.ts";
import { testEventStore } from "../../contract/event_store.ts";
import { counted, newMeta, testCatalog } from "../../contract/event_store_catalog.ts";

testEventStore("memory", () => {
  const upcasters: Record<string, readonly Upcaster[]> = {};
  const store = new MemoryEventStore({ catalog: testCatalog, upcasters });
  return Promise.resolve({ store, upcasters, close: () => store.close() });
});

Deno.test("memory store keeps the time of the last event when its clock goes back", async () => {
  const times = [1_000, 3_000, 2_000, 4_000];
  const store = new MemoryEventStore({ catalog: testCatalog, now: () => times.shift() ?? 0 });
  for (const n of [1, 2, 3, 4]) {
    await store.append([{ stream: "a", expected: "any", events: counted(n) }], newMeta());
  }
  const { events } = await store.readStream("a");
  deepEqual(events.map(({ at }) => at.getTime()), [1_000, 3_000, 3_000, 4_000]);
  equal(times.length, 0);
});
