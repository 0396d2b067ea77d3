import { deepEqual, equal } from "node:assert/strict";
import type { Recorded } from "@/events/define.ts";
import { createHandover } from "@/projections/handover.ts";
import { paid } from "@/tests/support/projections.ts";
import { recorded } from "./arbitrary_accounts.ts";

const log = recorded(Array.from({ length: 30_000 }, () => paid("a")));
const positions = (events: readonly Recorded[]) => events.map(({ position }) => position);

/** Events of these positions, inclusive. */
function events(from: number, to: number): Recorded[] {
  return log.slice(from - 1, to);
}

Deno.test("handover: gives what follows a position, and nothing when a part is missing", () => {
  const handover = createHandover();
  deepEqual(handover.after(0), []);
  handover.add(events(5, 7));
  deepEqual(positions(handover.after(4)), [5, 6, 7]);
  deepEqual(positions(handover.after(6)), [7]);
  deepEqual(handover.after(7), []);
  deepEqual(handover.after(3), []);
  equal(handover.isAhead(3), true);
  equal(handover.isAhead(7), false);
});

Deno.test("handover: after a gap only the newer part is kept, and known to be there", () => {
  const handover = createHandover();
  handover.add(events(1, 2));
  handover.add(events(5, 6));
  deepEqual(handover.after(0), []);
  deepEqual(positions(handover.after(4)), [5, 6]);
  handover.add(events(3, 4));
  deepEqual(positions(handover.after(2)), [3, 4]);
  equal(handover.isAhead(4), true);
});

Deno.test("handover: forgets what everybody has passed, all of it at the end", () => {
  const handover = createHandover();
  handover.add(events(1, 4));
  handover.dropUpTo(0);
  deepEqual(positions(handover.after(0)), [1, 2, 3, 4]);
  handover.dropUpTo(2);
  deepEqual(handover.after(1), []);
  deepEqual(positions(handover.after(2)), [3, 4]);
  handover.dropUpTo(Infinity);
  deepEqual(handover.after(3), []);
  handover.add(events(5, 5));
  deepEqual(positions(handover.after(4)), [5]);
});

Deno.test("handover: a batch is bounded in events and in bytes", () => {
  const handover = createHandover();
  handover.add(events(1, 2_500));
  equal(handover.after(0).length, 1_000);
  equal(handover.after(2_000).length, 500);
  const heavy = createHandover();
  heavy.add(events(1, 10).map((event) => ({ ...event, data: { id: "x".repeat(2 ** 20) } })));
  equal(heavy.after(0).length, 4);
  equal(heavy.after(8).length, 2);
});

Deno.test("handover: keeps no more than a bound when nobody takes it, and starts over", () => {
  const handover = createHandover();
  for (let at = 1; at < 15_000; at += 500) handover.add(events(at, at + 499));
  deepEqual(handover.after(0), []);
  deepEqual(positions(handover.after(14_998)), [14_999, 15_000]);
  const heavy = createHandover();
  const data = { id: "x".repeat(2 ** 23) };
  for (let at = 1; at <= 10; at++) {
    heavy.add(events(at, at).map((event) => ({ ...event, data })));
  }
  deepEqual(heavy.after(0), []);
  equal(heavy.after(9).length, 1);
});
