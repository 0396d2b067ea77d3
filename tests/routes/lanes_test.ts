import { deepEqual, equal, rejects } from "node:assert/strict";
import { createLanes, eachInLanes } from "@/routes/lanes.ts";
import { settle } from "@/tests/support/fake_clock.ts";

/** Work that begins when told, and ends when it is let go of. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  return {
    begun,
    begin(name: string): Promise<void> {
      begun.push(name);
      const end = Promise.withResolvers<void>();
      ends.set(name, end);
      return end.promise;
    },
    end: (name: string) => ends.get(name)?.resolve(),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  };
}

Deno.test("lanes bound the work of all callers together, first come first served", async () => {
  const lanes = createLanes(2);
  const { begun, begin, end } = works();
  const one = eachInLanes(lanes, ["a", "b", "c"], begin);
  const other = eachInLanes(lanes, ["x", "y"], begin);
  await settle();
  deepEqual(begun, ["a", "b"]);
  end("b");
  await settle();
  deepEqual(begun, ["a", "b", "x"]);
  end("a");
  await settle();
  deepEqual(begun, ["a", "b", "x", "y"]);
  for (const name of ["x", "y", "c"]) {
    end(name);
    await settle();
  }
  await Promise.all([one, other]);
  equal(begun.length, 5);
});

Deno.test("a failure is thrown after all that had begun has ended, and nothing begins after it", async () => {
  const lanes = createLanes(3);
  const { begun, begin, end, fail } = works();
  let ended = false;
  const all = eachInLanes(lanes, ["a", "b", "c", "d", "e"], begin).finally(() => ended = true);
  const refused = rejects(all, /^Error: b$/);
  await settle();
  fail("b");
  await settle();
  end("a");
  await settle();
  equal(ended, false);
  fail("c");
  await refused;
  deepEqual(begun, ["a", "b", "c"]);
  // Every place is free again.
  await eachInLanes(lanes, [1, 2, 3], () => Promise.resolve());
});
