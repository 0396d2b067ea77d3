import { deepEqual, equal } from "node:assert/strict";
import { createMemoryCache } from "@/adapters/cache/memory.ts";

const sizeOf = (value: string) => value.length;

Deno.test("memory cache drops the least recently used entry when its bytes are full", () => {
  const cache = createMemoryCache({ maxBytes: 100, sizeOf });
  for (const key of ["a", "b", "c", "d", "e", "f", "g", "h", "i"]) cache.set(key, "12345678");
  cache.get("a");
  cache.set("j", "12345678");
  cache.set("k", "12345678");
  equal(cache.get("a"), "12345678");
  equal(cache.get("b"), undefined);
  equal(cache.stats.bytes <= 100, true);
});

Deno.test("memory cache does not keep a value that would push out an eighth of it", () => {
  const cache = createMemoryCache({ maxBytes: 80, sizeOf });
  cache.set("s", "1");
  cache.set("b", "x".repeat(11));
  deepEqual([cache.get("s"), cache.get("b")], ["1", undefined]);
});

Deno.test("memory cache counts a replaced value once", () => {
  const cache = createMemoryCache({ maxBytes: 800, sizeOf });
  cache.set("k", "12345");
  cache.set("k", "123");
  deepEqual(cache.stats, { hits: 0, misses: 0, entries: 1, bytes: 5 });
});
