import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Recorded } from "@/events/define.ts";
import { fold, FoldFailed, type ProjectedRow, touches } from "@/projections/fold.ts";
import { accounts, expectedAccounts } from "@/tests/support/projections.ts";
import { accountEvent, recorded } from "./arbitrary_accounts.ts";

const projection = accounts();

/** Folds batch by batch, as a follower that remembers every row. */
function foldBatches(events: readonly Recorded[], sizes: readonly number[]): ProjectedRow[] {
  const rows = new Map<string, ProjectedRow>();
  let batch = 0;
  for (let at = 0; at < events.length; batch++) {
    const size = sizes[batch % sizes.length] ?? 1;
    const touched = touches(projection, events.slice(at, at + size));
    for (const [key, row] of fold(projection, rows, touched)) {
      if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    }
    at += size;
  }
  return [...rows.values()].sort((a, b) => String(a.id) < String(b.id) ? -1 : 1);
}

Deno.test("fold: gives the rows of the oracle, however the events fall into batches", () => {
  fc.assert(fc.property(
    fc.array(accountEvent, { maxLength: 60 }),
    fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 6 }),
    (events, sizes) => {
      const log = recorded(events);
      deepEqual(foldBatches(log, sizes), expectedAccounts(log));
    },
  ));
});

Deno.test("fold: does not change the rows it was given", () => {
  const log = recorded([{ type: "Paid", data: { id: "a", amount: 1 } }]);
  const before = new Map(fold(projection, new Map(), touches(projection, log)));
  const rows = new Map<string, ProjectedRow>();
  for (const [key, row] of before) if (row !== undefined) rows.set(key, Object.freeze(row));
  const kept = structuredClone([...rows]);
  fold(projection, rows, touches(projection, log));
  deepEqual([...rows], kept);
});

Deno.test("fold: names only rows that are different afterwards", () => {
  const log = recorded([
    { type: "Paid", data: { id: "a", amount: 1 } },
    { type: "Closed", data: { id: "a" } },
    { type: "Closed", data: { id: "never" } },
    { type: "Idled", data: {} },
  ]);
  equal(fold(projection, new Map(), touches(projection, log)).size, 0);
  const row = { id: "a" };
  const gone = fold(projection, new Map([["a", row]]), touches(projection, log));
  deepEqual([...gone], [["a", undefined]]);
});

Deno.test("fold: a key that an event names twice is folded once", () => {
  const log = recorded([{ type: "Moved", data: { from: "a", to: "a", amount: 4 } }]);
  deepEqual(touches(projection, log).map(({ keys }) => keys), [["a"]]);
});

Deno.test("fold: passes over events that have no handler, inherited names included", () => {
  const [event] = recorded([{ type: "Idled", data: {} }]);
  if (event === undefined) throw new Error("unreachable");
  equal(touches(projection, [event, { ...event, type: "toString" }]).length, 0);
});

Deno.test("fold: says which event a handler or its keys could not take", () => {
  const refuse = () => "no balance";
  const refusing = accounts({ refuse });
  const log = recorded([{ type: "Idled", data: {} }, {
    type: "Paid",
    data: { id: "a", amount: 1 },
  }]);
  throws(
    () => fold(refusing, new Map(), touches(refusing, log)),
    (error) =>
      error instanceof FoldFailed && error.event.position === 2 &&
      /Cannot fold Paid at position 2 into accounts: no balance/.test(error.message),
  );
  const keyless = {
    ...projection,
    keys: () => {
      throw new TypeError("no key");
    },
  };
  throws(() => touches(keyless, log), FoldFailed);
});
