import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { addAbsent } from "@/domain/klines/absent.ts";
import type { AbsentRange } from "@/domain/klines/coverage.ts";

Deno.test("addAbsent() counts a second ask only where the first one was", () => {
  const once = addAbsent([], { asked: [[10, 30]], askedAt: 1 });
  deepEqual(addAbsent(once, { asked: [[20, 40]], askedAt: 2 }), [
    { from: 10, to: 20, asks: 1, askedAt: 1 },
    { from: 20, to: 30, asks: 2, askedAt: 2 },
    { from: 30, to: 40, asks: 1, askedAt: 2 },
  ]);
});

Deno.test("addAbsent() forgets what was found after all", () => {
  const asked = addAbsent([], { asked: [[10, 40]], askedAt: 1 });
  deepEqual(addAbsent(asked, { found: [[20, 30]] }), [
    { from: 10, to: 20, asks: 1, askedAt: 1 },
    { from: 30, to: 40, asks: 1, askedAt: 1 },
  ]);
});

Deno.test("addAbsent() agrees with a map of slots after any sequence of asks and finds", () => {
  const range = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 10 }))
    .map(([from, size]): [number, number] => [from, from + size]);
  const change = fc.record({ found: fc.boolean(), range });
  fc.assert(fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
    const slots = new Map<number, { asks: number; askedAt: number }>();
    let absent: readonly AbsentRange[] = [];
    changes.forEach(({ found, range: [from, to] }, askedAt) => {
      absent = addAbsent(
        absent,
        found ? { found: [[from, to]] } : { asked: [[from, to]], askedAt },
      );
      for (let slot = from; slot < to; slot++) {
        const asks = (slots.get(slot)?.asks ?? 0) + 1;
        if (found) slots.delete(slot);
        else slots.set(slot, { asks, askedAt });
      }
    });
    const told = new Map(
      absent.flatMap(({ from, to, asks, askedAt }) =>
        Array.from({ length: to - from }, (_, i) => [from + i, { asks, askedAt }] as const)
      ),
    );
    deepEqual(told, new Map([...slots].sort(([a], [b]) => a - b)));
  }));
});
