import { equal } from "node:assert/strict";
import { areCoarser } from "@/domain/klines/coarser.ts";

const CASES: readonly [
  what: string,
  interval: "1m" | "1h",
  spacing: Parameters<typeof areCoarser>[1],
  coarser: boolean,
][] = [
  ["ten hours among minutes", "1m", { rows: 10, larger: "1h", apart: 9 }, true],
  ["hours with holes", "1m", { rows: 100, larger: "1h", apart: 60 }, true],
  ["hours that are mostly missing", "1m", { rows: 100, larger: "1h", apart: 40 }, false],
  ["nine hours", "1m", { rows: 9, larger: "1h", apart: 8 }, false],
  ["20 double hours, as chance may have it", "1h", { rows: 20, larger: "2h", apart: 19 }, false],
  ["21 double hours", "1h", { rows: 21, larger: "2h", apart: 20 }, true],
  ["days among hours", "1h", { rows: 10, larger: "1d", apart: 9 }, true],
];

for (const [what, interval, spacing, coarser] of CASES) {
  Deno.test(`areCoarser() says ${coarser} of ${what}`, () => {
    equal(areCoarser(interval, spacing), coarser);
  });
}
