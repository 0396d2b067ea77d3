import type { Scale } from "../ports/lake.ts";

/** At least as many decimals as either has. */
export function widerScale(a: Scale, b: Scale): Scale {
  return {
    price: Math.max(a.price, b.price),
    volume: Math.max(a.volume, b.volume),
    quote: Math.max(a.quote, b.quote),
  };
}

/** Whether values of the other scale may need more decimals than this one has. */
export function isSmallerScale(held: Scale, { price, volume, quote }: Scale): boolean {
  return held.price < price || held.volume < volume || held.quote < quote;
}
