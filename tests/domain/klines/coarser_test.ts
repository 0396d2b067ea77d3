import { equal } from "node:assert/strict";
import { areCoarser } from "@/domain/klines/coarser.ts";

const CASES: readonly [
  what: string,
  interval: "1m" | "1h",
  spacing: Parameters<typeof areCoarser>[1],
  coarser: boolean,
][] = [
  ["a hundred hours among minutes", "1m", { rows: 100, larger: "1h", apart: 99 }, true],
  ["hours with holes", "1m", { rows: 100, larger: "1h", apart: 60 }, true],
  ["hours that are mostly missing", "1m", { rows: 100, larger: "1h", apart: 40 }, false],
  ["99 hours, as of a market in which little is traded", "1m", {
    ...{ rows: 99, larger: "1h", apart: 98 },
  }, false],
  ["a hundred double hours", "1h", { rows: 100, larger: "2h", apart: 99 }, true],
  ["a hundred days among hours", "1h", { rows: 100, larger: "1d", apart: 99 }, true],
];

for (const [what, interval, spacing, coarser] of CASES) {
  Deno.test(`areCoarser() says ${coarser} of ${what}`, () => {
    equal(areCoarser(interval, spacing), coarser);
  });
}
