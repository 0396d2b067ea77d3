import { deepEqual, equal, throws } from "node:assert/strict";
import { type Decider, Refusal, type RefusalCode } from "@/domain/decider.ts";

export interface DeciderCase<Command, Event> {
  /** Reads on from the subject: "is silent when …". */
  readonly name: string;
  readonly given: readonly Event[];
  readonly when: Command;
  /** The events it must give, or the code with which it must refuse. */
  readonly then: readonly Event[] | RefusalCode;
}

/**
 * One test a case: `given` is folded, `when` decided, `then` compared. What was decided is folded as
 * well and the command decided again: the second time it must give nothing.
 */
export function testDecider<Command, Event, State>(
  subject: string,
  decider: Decider<Command, Event, State>,
  cases: readonly DeciderCase<Command, Event>[],
): void {
  const { decide, evolve } = decider;
  for (const { name, given, when, then } of cases) {
    Deno.test(`${subject} ${name}`, () => {
      const before = stateAfter(decider, given);
      if (typeof then === "string") {
        throws(() => decide(when, before), (error) => {
          equal(error instanceof Refusal ? error.code : error, then);
          return true;
        });
        return;
      }
      deepEqual(decide(when, before), then);
      deepEqual(decide(when, then.reduce(evolve, before)), [], "the same command twice");
    });
  }
}

/** The state that a stream with these events is in. */
export function stateAfter<Command, Event, State>(
  { initial, evolve }: Decider<Command, Event, State>,
  events: readonly Event[],
): State {
  return events.reduce(evolve, initial);
}
