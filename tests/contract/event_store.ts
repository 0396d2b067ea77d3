import { appendCases } from "./event_store_append.ts";
import { type OpenStore } from "./event_store_catalog.ts";
import { handleCases } from "./event_store_handle.ts";
import { personalCases } from "./event_store_personal.ts";
import { readCases } from "./event_store_read.ts";

/** What every event store must do, on a log that the cases share (each has streams of its own). */
export function testEventStore(
  name: string,
  open: () => Promise<OpenStore & { close(): Promise<void> }>,
): void {
  // The last of the reads closes the store.
  const cases = [...appendCases, ...personalCases, ...handleCases, ...readCases];
  Deno.test(`event store (${name})`, async (t) => {
    const opened = await open();
    try {
      for (const { name, run } of cases) await t.step(name, () => run(opened));
    } finally {
      await opened.close();
    }
  });
}
