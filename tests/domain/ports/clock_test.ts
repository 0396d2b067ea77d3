import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { steadyNow } from "@/domain/ports/clock.ts";

Deno.test("steadyNow() goes on with its clock and never back, however the clock is set", () => {
  let at = 1_000;
  const now = steadyNow({ now: () => at });
  const read = (to: number) => {
    at = to;
    return now();
  };
  deepEqual([1_000, 1_500, 200, 300, 250, 1_250].map(read), [
    1_000,
    1_500,
    1_500,
    1_600,
    1_600,
    2_600,
  ]);
  const steps = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 50 });
  fc.assert(fc.property(steps, (all) => {
    let [sum, before] = [at, now()];
    for (const step of all) {
      const reading = read(sum += step);
      ok(reading - before === Math.max(0, step), `${step}`);
      before = reading;
    }
  }));
});
