import assert from "node:assert/strict";
import { shareProgress } from "@/cron/shared_progress.ts";
import type { Progress } from "@/domain/ports/progress.ts";

function watched() {
  const seen = { label: "", unit: "", done: 0, total: 0, finished: 0 };
  const notes: string[] = [];
  const progress: Progress = {
    start: (label, { unit }) => Object.assign(seen, { label, unit }),
    advance: (by) => seen.done += by,
    total: (total) => seen.total = total,
    note: (text) => notes.push(text),
    finish: () => seen.finished++,
  };
  return { seen, notes, progress };
}

Deno.test("shared progress adds up the totals and steps of its parts", () => {
  const { seen, progress } = watched();
  const shared = shareProgress(progress, { label: "history", unit: "candles" });
  const [a, b] = [shared.part(), shared.part()];
  a.start("a", { unit: "candles", total: 100 });
  b.start("b", { unit: "candles" });
  b.total(50);
  a.advance(30);
  b.advance(20);
  b.total(40);
  assert.deepEqual([seen.label, seen.unit, seen.total, seen.done], ["history", "candles", 140, 50]);
});

Deno.test("shared progress is over when all of it is, not when a part is", () => {
  const { seen, notes, progress } = watched();
  const shared = shareProgress(progress, { label: "history", unit: "candles" });
  const part = shared.part();
  part.note("halfway");
  part.finish();
  assert.deepEqual([seen.finished, notes], [0, ["halfway"]]);
  shared.finish();
  assert.equal(seen.finished, 1);
});
