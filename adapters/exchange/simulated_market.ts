import { createPath, fraction, hashText, mix } from "./simulated_noise.ts";

/** A candle in whole units: prices in ticks, volumes in lots, quote volumes in ticks × lots. */
export interface SimulatedBar {
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  quote: number;
  trades: number;
  takerVolume: number;
  takerQuote: number;
}

/** One made-up market: what happens in any minute follows from the seed and the symbol alone. */
export interface SimulatedMarket {
  readonly tickDecimals: number;
  readonly lotDecimals: number;
  /** Undefined in an outage. Minutes count from the epoch. */
  minute(minute: number): SimulatedBar | undefined;
  /** The seconds `[from, to)` of a minute as one bar; all sixty make the minute's bar. */
  seconds(minute: number, range: { from: number; to: number }): SimulatedBar | undefined;
}

const MINUTES_A_DAY = 1440;
const KNOWN_PRICES: Readonly<Record<string, number>> = {
  BTC: 42_000,
  ETH: 2_500,
  BNB: 350,
  SOL: 90,
};
const SHORT_OUTAGE_MINUTES = 12;
const LONG_OUTAGE_MINUTES = 150;

export function createMarket(seed: number, symbol: string): SimulatedMarket {
  const own = mix(seed, hashText(symbol));
  const base = symbol.split("/")[0] ?? symbol;
  const middle = KNOWN_PRICES[base] ?? 10 ** (fraction(own, 1) * 5 - 2);
  // Six digits of the usual price, as exchanges choose them.
  const tickDecimals = Math.max(0, Math.min(8, 5 - Math.floor(Math.log10(middle))));
  const lotDecimals = middle > 1 ? 5 : 1;
  const tick = 10 ** -tickDecimals;
  const path = createPath(mix(own, 2), { octaves: 21, stepSize: 0.0004 });
  const usualLots = 400_000 / middle * 10 ** lotDecimals / 20;
  const [volumes, wicks, takers, days] = [mix(own, 3), mix(own, 4), mix(own, 5), mix(own, 6)];

  let priced = { minute: NaN, ticks: 0 };
  function priceAt(minute: number): number {
    if (priced.minute !== minute) {
      const ticks = Math.max(1, Math.round(middle * Math.exp(path(minute)) / tick));
      priced = { minute, ticks };
    }
    return priced.ticks;
  }

  let outage = { day: NaN, from: 0, to: 0 };
  function isOut(minute: number): boolean {
    const day = Math.floor(minute / MINUTES_A_DAY);
    if (outage.day !== day) {
      const chance = fraction(days, day);
      const length = chance < 0.003 ? LONG_OUTAGE_MINUTES : SHORT_OUTAGE_MINUTES;
      const from = day * MINUTES_A_DAY + mix(days, -day - 1) % (MINUTES_A_DAY - length);
      outage = { day, from, to: chance < 0.03 ? from + 1 + mix(days, ~day) % length : from };
    }
    return minute >= outage.from && minute < outage.to;
  }

  function bar(minute: number): SimulatedBar | undefined {
    if (isOut(minute)) return undefined;
    const open = priceAt(minute);
    const drawn = fraction(volumes, minute);
    // A quiet minute: nobody trades, the price stands where it was.
    if (drawn < 0.004) return quiet(open);
    const close = priceAt(minute + 1);
    const reach = Math.ceil(open * 0.0004);
    const wick = mix(wicks, minute);
    const high = Math.max(open, close) + Math.floor(reach * (wick & 0xffff) / 0x10000);
    const low = Math.max(1, Math.min(open, close) - Math.floor(reach * (wick >>> 16) / 0x10000));
    const volume = Math.ceil(usualLots * (0.05 + drawn ** 6 * 8 + drawn));
    const quote = volume * Math.round((open + high + low + close) / 4);
    const share = 0.3 + 0.4 * fraction(takers, minute);
    const takerVolume = Math.floor(volume * share);
    return {
      ...{ open, high, low, close, volume, quote, takerVolume },
      trades: 1 + Math.floor(drawn * 900 + (wick & 0x3f)),
      takerQuote: Math.floor(quote * (takerVolume / volume)),
    };
  }

  return {
    ...{ tickDecimals, lotDecimals },
    minute: bar,
    seconds(minute, { from, to }) {
      const whole = bar(minute);
      if (whole === undefined) return undefined;
      if (whole.volume === 0) return quiet(whole.open);
      return cut(whole, { from, to, shape: mix(wicks, ~minute) });
    },
  };
}

function quiet(price: number): SimulatedBar {
  const none = { volume: 0, quote: 0, trades: 0, takerVolume: 0, takerQuote: 0 };
  return { open: price, high: price, low: price, close: price, ...none };
}

/** Part of a minute: its price runs in straight lines over the open, both extremes and the close. */
function cut(
  whole: SimulatedBar,
  { from, to, shape }: { from: number; to: number; shape: number },
): SimulatedBar {
  const [first, second] = [10 + shape % 15, 35 + (shape >>> 8) % 15];
  const rising = whole.close >= whole.open;
  const extremes = rising ? [whole.low, whole.high] : [whole.high, whole.low];
  const knots = [
    { at: 0, price: whole.open },
    { at: first, price: extremes[0] ?? whole.open },
    { at: second, price: extremes[1] ?? whole.close },
    { at: 60, price: whole.close },
  ];
  const inside = knots.filter(({ at }) => at > from && at < to).map(({ price }) => price);
  const [open, close] = [priceOn(knots, from), priceOn(knots, to)];
  const share = (total: number) => Math.floor(total * to / 60) - Math.floor(total * from / 60);
  return {
    open,
    high: Math.max(open, close, ...inside),
    low: Math.min(open, close, ...inside),
    close,
    volume: share(whole.volume),
    quote: share(whole.quote),
    trades: share(whole.trades),
    takerVolume: share(whole.takerVolume),
    takerQuote: share(whole.takerQuote),
  };
}

function priceOn(knots: readonly { at: number; price: number }[], second: number): number {
  for (let i = 1; i < knots.length; i++) {
    const [a, b] = [knots[i - 1], knots[i]];
    if (a === undefined || b === undefined || second > b.at) continue;
    return Math.round(a.price + (b.price - a.price) * (second - a.at) / (b.at - a.at));
  }
  return knots.at(-1)?.price ?? 0;
}
