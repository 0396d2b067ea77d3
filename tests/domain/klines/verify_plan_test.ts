import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  planVerify,
  VERIFIED_BYTES,
  VERIFY_AGAIN_MS,
  type VerifyRound,
} from "@/domain/klines/verify_plan.ts";

const NONE = { damaged: new Set<string>(), asked: false } as const;
const HALF = VERIFIED_BYTES / 2;

function files(...sizes: number[]) {
  return sizes.map((sizeBytes, n) => ({ key: `s|${String(n).padStart(3, "0")}`, sizeBytes }));
}

function keys(plan: { readonly files: readonly { readonly key: string }[] }): string[] {
  return plan.files.map(({ key }) => key);
}

Deno.test("planVerify: a run reads as much as it may and the next one goes on behind it", () => {
  const all = files(HALF, HALF, HALF);
  const first = planVerify(all, { now: 0, round: undefined, ...NONE });
  deepEqual([keys(first), first.round], [["s|000", "s|001"], { through: "s|001" }]);
  const second = planVerify(all, { now: 1, round: { through: "s|001", at: 0 }, ...NONE });
  deepEqual([keys(second), second.round], [["s|002"], { through: null }]);
});

Deno.test("planVerify: a file larger than what a run may read is read alone", () => {
  const plan = planVerify(files(3 * HALF, 1), { now: 0, round: undefined, ...NONE });
  deepEqual([keys(plan), plan.round], [["s|000"], { through: "s|000" }]);
});

Deno.test("planVerify: a round that has ended is followed by a rest, not for damaged files", () => {
  const round = { through: null, at: 0 };
  const rest = planVerify(files(1, 1), { now: VERIFY_AGAIN_MS / 2, round, ...NONE });
  deepEqual([keys(rest), rest.round], [[], undefined]);
  const known = { ...NONE, damaged: new Set(["s|001"]) };
  const again = planVerify(files(1, 1), { now: VERIFY_AGAIN_MS / 2, round, ...known });
  deepEqual([keys(again), again.round], [["s|001"], undefined]);
  // A nightly run that is a minute early is not a day late.
  const week = { now: VERIFY_AGAIN_MS - 60_000, round };
  deepEqual(keys(planVerify(files(1, 1), { ...week, ...NONE })), ["s|000", "s|001"]);
  deepEqual(keys(planVerify(files(1, 1), { ...week, ...known })), ["s|001", "s|000"]);
});

Deno.test("planVerify: files that somebody asks for are all read, and the round stays", () => {
  const round = { through: "s|000", at: 0 };
  const plan = planVerify(files(HALF, HALF, HALF, HALF), { now: 1, round, ...NONE, asked: true });
  deepEqual([plan.files.length, plan.round], [4, undefined]);
});

Deno.test("planVerify: nights in a row read every file once, whatever their sizes", () => {
  const size = fc.integer({ min: 0, max: VERIFIED_BYTES });
  fc.assert(fc.property(fc.array(size, { minLength: 1, maxLength: 20 }), (sizes) => {
    const all = files(...sizes);
    const seen: string[] = [];
    let round: VerifyRound | undefined;
    for (let night = 0; round?.through !== null || round === undefined; night++) {
      const plan = planVerify(all, { now: night, round, ...NONE });
      ok(plan.round !== undefined && plan.files.length > 0);
      seen.push(...keys(plan));
      round = { through: plan.round.through, at: night };
    }
    deepEqual(seen, all.map(({ key }) => key));
  }));
});
