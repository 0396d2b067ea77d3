import { deepEqual, equal } from "node:assert/strict";
import { isSmallerScale, widerScale } from "@/domain/klines/scale.ts";

const scale = (price: number, volume: number, quote: number) => ({ price, volume, quote });

Deno.test("widerScale takes of each kind the more decimals, whichever side has them", () => {
  deepEqual(widerScale(scale(2, 8, 0), scale(3, 5, 0)), scale(3, 8, 0));
  deepEqual(widerScale(scale(3, 5, 0), scale(2, 8, 0)), scale(3, 8, 0));
});

for (
  const [held, wanted, smaller] of [
    [scale(2, 8, 8), scale(2, 8, 8), false],
    [scale(3, 8, 8), scale(2, 8, 8), false],
    [scale(2, 8, 8), scale(3, 0, 0), true],
    [scale(2, 8, 8), scale(0, 9, 0), true],
    [scale(2, 8, 8), scale(0, 0, 9), true],
  ] as const
) {
  Deno.test(`isSmallerScale: ${Object.values(held)} for ${Object.values(wanted)} is ${smaller}`, () => {
    equal(isSmallerScale(held, wanted), smaller);
    deepEqual(isSmallerScale(widerScale(held, wanted), wanted), false);
  });
}
