import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { WarmSet } from "@/adapters/lake/warm_set.ts";

/** A set with room for `room` things of one byte, and what is in it. */
function setOf(room: number) {
  const warm = new WarmSet<number>(room);
  const inside = new Set<number>();
  let came = 0;
  return {
    inside,
    came: () => came,
    touch(one: number, times = 1) {
      for (let n = 0; n < times; n++) {
        warm.touch(one);
        if (inside.has(one)) continue;
        const gone = warm.add(one, 1);
        if (gone === undefined) continue;
        came++;
        for (const other of gone) inside.delete(other);
        inside.add(one);
      }
    },
  };
}

/** The same numbers each time. */
function scattered(among: number): () => number {
  let seed = 7;
  return () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor(seed / 2_147_483_648 * among);
  };
}

Deno.test("warm set: what is touched again and again comes in, what is touched now and then does not", () => {
  const { inside, touch } = setOf(2);
  touch(1, 5);
  equal(inside.size, 0);
  touch(1);
  deepEqual([...inside], [1]);
  for (let n = 100; n < 160; n++) touch(n);
  deepEqual([...inside], [1]);
});

Deno.test("warm set: nothing makes way for what is no warmer, the coldest goes first", () => {
  const { inside, touch } = setOf(2);
  touch(1, 8);
  touch(2, 10);
  touch(3, 8);
  deepEqual([...inside], [1, 2]);
  touch(3);
  deepEqual([...inside].toSorted(), [2, 3]);
});

Deno.test("warm set: who turns to other things has them in as soon as they are warm", () => {
  const { inside, touch } = setOf(2);
  touch(1, 1_000);
  touch(2, 1_000);
  for (let n = 0; n < 40; n++) for (const other of [3, 4]) touch(other);
  deepEqual([...inside].toSorted(), [3, 4]);
});

Deno.test("warm set: of touches all over forty-eight things hardly any brings one in", () => {
  const { touch, came } = setOf(11);
  const next = scattered(48);
  for (let n = 0; n < 2_000; n++) touch(next());
  ok(came() < 60, `${came()} came in`);
});

Deno.test("warm set: keeps to its bytes, and knows what is in, whatever is touched", () => {
  const touches = fc.array(fc.record({ one: fc.nat(5), size: fc.integer({ min: 1, max: 6 }) }), {
    ...{ minLength: 1, maxLength: 300 },
  });
  fc.assert(fc.property(touches, (all) => {
    const warm = new WarmSet<number>(10);
    const inside = new Map<number, number>();
    for (const { one, size } of all) {
      warm.touch(one);
      const expected = warm.victims(one, size);
      const gone = warm.add(one, size);
      deepEqual(gone, expected);
      if (gone === undefined) continue;
      for (const other of gone) ok(inside.delete(other));
      inside.set(one, size);
      ok([...inside.values()].reduce((sum, bytes) => sum + bytes, 0) <= 10);
    }
  }));
});
