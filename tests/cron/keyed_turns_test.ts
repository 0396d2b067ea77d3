import assert from "node:assert/strict";
import { createKeyedTurns } from "@/cron/keyed_turns.ts";

Deno.test("works of one key take turns in their order, those of others do not wait", async () => {
  const turns = createKeyedTurns();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const a1 = turns("a", async () => {
    seen.push("a1");
    await first.promise;
    seen.push("a1 ends");
  });
  const a2 = turns("a", () => Promise.resolve(seen.push("a2")));
  await turns("b", () => Promise.resolve(seen.push("b")));
  first.resolve();
  await Promise.all([a1, a2]);
  assert.deepEqual(seen, ["a1", "b", "a1 ends", "a2"]);
});

Deno.test("a work that fails fails its caller only, and the next one has its turn", async () => {
  const turns = createKeyedTurns();
  const bad = turns("a", () => Promise.reject(new Error("broken")));
  const good = turns("a", () => Promise.resolve("done"));
  await assert.rejects(bad, /broken/);
  assert.equal(await good, "done");
});
