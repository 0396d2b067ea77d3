import { deepEqual } from "node:assert/strict";
import type { IngestRun } from "@/cron/ingest_run.ts";
import { createLateQueue, type LateWriter } from "@/cron/late_queue.ts";
import { trusted } from "@/events/trust.ts";

function writer(run: Partial<IngestRun> = {}, period = "2024-01"): LateWriter {
  const own = { seriesId: "a.B-C.1m", source: "api", actor: "ada", isNew: true, ...run };
  return trusted<LateWriter>({ run: own, part: { period }, outcome: undefined });
}

const others: Readonly<Record<string, LateWriter>> = {
  "alike": writer(),
  "of another actor": writer({ actor: "bob" }),
  "of another source": writer({ source: "import" }),
  "whose command may be looked for": writer({ isNew: false }),
  "that overwrites": writer({ overwrite: true }),
  "that was stopped": writer({ signal: AbortSignal.abort() }),
  "of another period": writer({}, "2024-02"),
  "of another series": writer({ seriesId: "a.D-C.1m" }),
  "that has its answer": { ...writer(), outcome: trusted<LateWriter["outcome"]>({}) },
};

/** Which of the others the writer may take along. */
async function behind(first: LateWriter): Promise<string[]> {
  const queue = createLateQueue();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = [first, ...Object.values(others)].map((one) => queue.within(one, () => promise));
  const found = queue.behind(first);
  resolve();
  await Promise.all(waiting);
  deepEqual(queue.behind(first), [], "nobody waits any more");
  return Object.entries(others).filter(([, one]) => found.includes(one)).map(([name]) => name);
}

Deno.test("late queue: only a writer alike in all that an event says is taken along", async () => {
  deepEqual(await behind(writer()), ["alike"]);
});

Deno.test("late queue: who overwrites takes nobody along", async () => {
  deepEqual(await behind(writer({ overwrite: true })), []);
});

Deno.test("late queue: takes along 64 at most, the first that came", async () => {
  const queue = createLateQueue();
  const { promise, resolve } = Promise.withResolvers<void>();
  const [first, ...rest] = Array.from({ length: 70 }, () => writer());
  const waiting = [first, ...rest].flatMap((one) => one ? [queue.within(one, () => promise)] : []);
  deepEqual(first && queue.behind(first), rest.slice(0, 64));
  resolve();
  await Promise.all(waiting);
});
