import type { Candle } from "@/domain/klines/candle.ts";
import type { SimulatedBar, SimulatedMarket } from "./simulated_market.ts";

/** A bar of any length, added up. Sums of years of minutes outgrow what a number holds exactly. */
interface Sum {
  bar: SimulatedBar;
  quote: bigint;
  takerQuote: bigint;
}

/** The market's bar from one epoch ms to another (whole seconds), or undefined when nothing was open. */
export function barOf(
  market: SimulatedMarket,
  openTime: number,
  { from, to }: { from: number; to: number },
): Candle | undefined {
  const [first, last] = [Math.floor(from / 60_000), Math.ceil(to / 60_000)];
  if (first + 1 === last && to - from === 60_000) {
    const bar = market.minute(first);
    return bar && candle(market, openTime, sumOf(bar));
  }
  let sum: Sum | undefined;
  for (let minute = first; minute < last; minute++) {
    const part = partOf(market, minute, { from, to });
    if (part !== undefined) sum = sum === undefined ? sumOf(part) : added(sum, part);
  }
  return sum && candle(market, openTime, sum);
}

function partOf(
  market: SimulatedMarket,
  minute: number,
  { from, to }: { from: number; to: number },
): SimulatedBar | undefined {
  const start = minute * 60_000;
  if (from <= start && to >= start + 60_000) return market.minute(minute);
  return market.seconds(minute, {
    from: Math.max(0, Math.floor((from - start) / 1_000)),
    to: Math.min(60, Math.floor((to - start) / 1_000)),
  });
}

function sumOf(bar: SimulatedBar): Sum {
  return { bar, quote: BigInt(bar.quote), takerQuote: BigInt(bar.takerQuote) };
}

/** As exchanges add up: what nobody traded gives no price. */
function added(sum: Sum, part: SimulatedBar): Sum {
  const { bar } = sum;
  const prices = part.volume === 0 ? bar : bar.volume === 0 ? part : {
    open: bar.open,
    high: Math.max(bar.high, part.high),
    low: Math.min(bar.low, part.low),
    close: part.close,
  };
  return {
    bar: {
      open: prices.open,
      high: prices.high,
      low: prices.low,
      close: prices.close,
      volume: bar.volume + part.volume,
      quote: 0,
      trades: bar.trades + part.trades,
      takerVolume: bar.takerVolume + part.takerVolume,
      takerQuote: 0,
    },
    quote: sum.quote + BigInt(part.quote),
    takerQuote: sum.takerQuote + BigInt(part.takerQuote),
  };
}

function candle(
  market: SimulatedMarket,
  openTime: number,
  { bar, quote, takerQuote }: Sum,
): Candle {
  const { tickDecimals, lotDecimals } = market;
  const bothDecimals = tickDecimals + lotDecimals;
  return {
    openTime,
    open: decimal(bar.open, tickDecimals),
    high: decimal(bar.high, tickDecimals),
    low: decimal(bar.low, tickDecimals),
    close: decimal(bar.close, tickDecimals),
    volume: decimal(bar.volume, lotDecimals),
    closeTime: null,
    quoteVolume: decimal(quote, bothDecimals),
    tradesCount: bar.trades,
    takerBuyVolume: decimal(bar.takerVolume, lotDecimals),
    takerBuyQuoteVolume: decimal(takerQuote, bothDecimals),
  };
}

/** Whole units as canonical text. */
function decimal(units: number | bigint, decimals: number): string {
  const digits = units.toString();
  if (decimals === 0 || digits === "0") return digits;
  const padded = digits.padStart(decimals + 1, "0");
  let end = padded.length;
  const point = end - decimals;
  while (end > point && padded[end - 1] === "0") end--;
  return end === point
    ? padded.slice(0, point)
    : `${padded.slice(0, point)}.${padded.slice(point, end)}`;
}
