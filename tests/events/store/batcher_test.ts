import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import { type Batcher, createBatcher } from "@/events/store/batcher.ts";

interface Command {
  readonly id: number;
  readonly keys: readonly string[];
  readonly sizeBytes?: number;
}

/** A batcher that notes its groups; each command is answered with its id. */
function noting(
  write?: (group: readonly Command[]) => Promise<readonly (number | Error)[]>,
): { batcher: Batcher<Command, number>; groups: number[][] } {
  const groups: number[][] = [];
  const batcher = createBatcher<Command, number>({
    keys: ({ keys }) => keys,
    sizeBytes: ({ sizeBytes = 1 }) => sizeBytes,
    mayBePoison: (error) => error instanceof SyntaxError,
    write(group) {
      groups.push(group.map(({ id }) => id));
      return write?.(group) ?? Promise.resolve(group.map(({ id }) => id));
    },
  });
  return { batcher, groups };
}

const ids = (n: number) => Array.from({ length: n }, (_, i) => i);

Deno.test("batcher puts the commands of one moment into one group", async () => {
  const { batcher, groups } = noting();
  const answers = await Promise.all(
    ids(20).map(async (id) => {
      for (let i = 0; i < id; i++) await Promise.resolve();
      return await batcher.add({ id, keys: [`s${id}`] });
    }),
  );
  deepEqual(answers, ids(20));
  deepEqual(groups, [ids(20)]);
});

Deno.test("batcher puts what comes during a call into the next one", async () => {
  const first = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const { batcher, groups } = noting(async (group) => {
    started.resolve();
    await first.promise;
    return group.map(({ id }) => id);
  });
  const early = batcher.add({ id: 0, keys: ["a"] });
  await started.promise;
  const late = ids(3).map((id) => batcher.add({ id: id + 1, keys: [`b${id}`] }));
  first.resolve();
  await Promise.all([early, ...late]);
  deepEqual(groups, [[0], [1, 2, 3]]);
});

Deno.test("batcher takes at most 500 commands, and 4 MB, a group", async () => {
  const { batcher, groups } = noting();
  await Promise.all(ids(1_100).map((id) => batcher.add({ id, keys: [`s${id}`] })));
  deepEqual(groups.map(({ length }) => length), [500, 500, 100]);
  groups.length = 0;
  const sizeBytes = 1_500_000;
  await Promise.all(ids(5).map((id) => batcher.add({ id, keys: [`s${id}`], sizeBytes })));
  deepEqual(groups, [[0, 1], [2, 3], [4]]);
  groups.length = 0;
  await batcher.add({ id: 9, keys: ["s"], sizeBytes: 100_000_000 });
  deepEqual(groups, [[9]]);
});

Deno.test("batcher never mixes keys in a group, nor changes the order of those that share one", async () => {
  const command = fc.array(fc.constantFrom<string[]>("a", "b", "c", "d", "e"), {
    minLength: 1,
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (all) => {
      const { batcher, groups } = noting();
      const commands = all.map((keys, id) => ({ id, keys: [...new Set(keys)] }));
      await Promise.all(commands.map((each) => batcher.add(each)));
      for (const group of groups) {
        const keys = group.flatMap((id) => commands[id]?.keys ?? []);
        equal(new Set(keys).size, keys.length);
      }
      for (const key of ["a", "b", "c", "d", "e"]) {
        const order = groups.flat().filter((id) => commands[id]?.keys.includes(key));
        deepEqual(order, order.toSorted((a, b) => a - b));
      }
      deepEqual(groups.flat().sort((a, b) => a - b), ids(commands.length));
    }),
  );
});

Deno.test("batcher gives each command of a group its own outcome", async () => {
  const { batcher } = noting((group) =>
    Promise.resolve(group.map(({ id }) => id === 1 ? new RangeError("one") : id))
  );
  const outcomes = ids(3).map((id) => batcher.add({ id, keys: [`s${id}`] }));
  equal(await outcomes[0], 0);
  await rejects(outcomes[1] ?? Promise.resolve(), RangeError);
  equal(await outcomes[2], 2);
});

Deno.test("batcher writes one at a time when one of the commands may be at fault", async () => {
  const { batcher, groups } = noting((group) =>
    group.some(({ id }) => id === 2)
      ? Promise.reject(new SyntaxError("poison"))
      : Promise.resolve(group.map(({ id }) => id))
  );
  const outcomes = await Promise.allSettled(
    ids(4).map((id) => batcher.add({ id, keys: [`s${id}`] })),
  );
  deepEqual(outcomes.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  deepEqual(groups, [[0, 1, 2, 3], [0], [1], [2], [3]]);
});

Deno.test("batcher refuses a group as a whole when no command is at fault, and goes on", async () => {
  let broken = true;
  const { batcher, groups } = noting((group) =>
    broken ? Promise.reject(new Error("no database")) : Promise.resolve(group.map(({ id }) => id))
  );
  const outcomes = await Promise.allSettled(
    ids(3).map((id) => batcher.add({ id, keys: [`s${id}`] })),
  );
  deepEqual(outcomes.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  broken = false;
  equal(await batcher.add({ id: 7, keys: ["s"] }), 7);
  deepEqual(groups, [[0, 1, 2], [7]]);
});

Deno.test("batcher is idle when nothing waits any more", async () => {
  const { batcher, groups } = noting();
  await batcher.idle();
  for (const id of ids(3)) batcher.add({ id, keys: ["same"] });
  await batcher.idle();
  deepEqual(groups, [[0], [1], [2]]);
});
