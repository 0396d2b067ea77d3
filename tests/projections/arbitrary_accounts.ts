import fc from "fast-check";
import type { Recorded } from "@/events/define.ts";
import type { AccountEvent } from "@/tests/support/projections.ts";

const id = fc.constantFrom("a", "b", "c", "d", "é", "long-" + "x".repeat(40));
const amount = fc.integer({ min: -1_000, max: 1_000 });

/** Few accounts, so that events meet. */
export const accountEvent: fc.Arbitrary<AccountEvent> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("Paid"), data: fc.record({ id, amount }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("Moved"),
      data: fc.record({ from: id, to: id, amount }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("Closed"), data: fc.record({ id }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("Idled"), data: fc.constant({}) }) },
);

/** As a store would return them, from position 1. */
export function recorded(events: readonly AccountEvent[]): Recorded<AccountEvent>[] {
  return events.map((event, at) => ({
    ...event,
    position: at + 1,
    stream: `test-${at}`,
    version: 1,
    id: `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`,
    schema: 1,
    meta: { actor: "job:test", commandId: String(at) },
    at: new Date(Date.UTC(2024, 0, 1) + at * 1_000),
  }));
}
