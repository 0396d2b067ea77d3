import { deepEqual, equal } from "node:assert/strict";
import { createRowCache } from "@/projections/row_cache.ts";

const row = (id: string) => ({ id });

Deno.test("row cache: knows rows and their absence, and asks for the rest", () => {
  const cache = createRowCache({ maxRows: 10 });
  deepEqual(cache.missing(["a", "b"]), ["a", "b"]);
  cache.set("a", row("a"));
  cache.set("b", undefined);
  deepEqual(cache.missing(["a", "b", "c"]), ["c"]);
  deepEqual([cache.get("a"), cache.get("b")], [row("a"), undefined]);
});

Deno.test("row cache: pushes out the row that was set longest ago", () => {
  const cache = createRowCache({ maxRows: 2 });
  for (const id of ["a", "b", "a", "c"]) cache.set(id, row(id));
  deepEqual(cache.missing(["a", "b", "c"]), ["b"]);
});

Deno.test("row cache: of a fresh side knows that what is not here is nowhere", () => {
  const cache = createRowCache({ maxRows: 2, complete: true });
  deepEqual(cache.missing(["a"]), []);
  equal(cache.get("a"), undefined);
  cache.set("a", row("a"));
  cache.set("b", row("b"));
  deepEqual(cache.missing(["c"]), []);
});

Deno.test("row cache: that had to forget does not know everything any more", () => {
  const full = createRowCache({ maxRows: 2, complete: true });
  for (const id of ["a", "b", "c"]) full.set(id, row(id));
  deepEqual(full.missing(["a", "b", "c", "d"]), ["a", "d"]);
  const cleared = createRowCache({ maxRows: 2, complete: true });
  cleared.set("a", row("a"));
  cleared.clear();
  deepEqual(cleared.missing(["a", "b"]), ["a", "b"]);
});
