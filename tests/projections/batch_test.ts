import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { approximateBytes, boundRows, shareOut } from "@/projections/batch.ts";
import { accounts, paid, payments } from "@/tests/support/projections.ts";
import { recorded } from "./arbitrary_accounts.ts";

const log = recorded([...Array(5).fill(paid("a")), { type: "Idled", data: {} }, paid("b")]);
const heavy = (rows: number) => [accounts(), { ...payments(), weight: () => rows }];

Deno.test("batch: rows of bulk projections cut it, other events do not count", () => {
  deepEqual(boundRows(log, heavy(10_000)).length, 2);
  deepEqual(boundRows(log, heavy(1)), log);
  deepEqual(boundRows(log, heavy(4_000)).length, 6);
  deepEqual(boundRows(log, [accounts()]), log);
});

Deno.test("batch: has at least one event, however heavy that is", () => {
  equal(boundRows(log, heavy(1e9)).length, 1);
  equal(boundRows([], heavy(1e9)).length, 0);
});

function shares(rows: number, { together }: { together?: readonly string[] } = {}) {
  const bulk = { ...payments(), weight: () => rows, ...(together && { together }) };
  const group = [accounts(), bulk].map((projection) => ({ projection }));
  return shareOut(group, log).map(({ members, events, isHeavy }) => [
    members.map(({ projection }) => projection.name).join(),
    ...[events.length, isHeavy],
  ]);
}

Deno.test("batch: small read models go ahead of many rows, and all go together without", () => {
  deepEqual(shares(1), [["accounts,payments", 7, false]]);
  deepEqual(shares(10_000), [["accounts", 7, false], ["payments", 2, true]]);
  deepEqual(shares(1e9), [["accounts", 7, false], ["payments", 1, true]]);
});

Deno.test("batch: what must be seen together stays together", () => {
  deepEqual(shares(10_000, { together: ["accounts"] }), [["accounts,payments", 2, true]]);
});

Deno.test("batch: the estimate of bytes stays near the JSON of any value", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const [json, estimate] = [JSON.stringify(value).length, approximateBytes(value)];
    // Escapes and long numbers take more, null and digits less.
    ok(estimate >= json / 7 - 8, `${estimate} for ${json}`);
    ok(estimate <= json * 9 + 8, `${estimate} for ${json}`);
  }));
});
