import { joinCandles } from "./aggregate.ts";
import type { Candle } from "./candle.ts";
import {
  addDecimals,
  compareDecimals,
  divideDecimals,
  maxDecimal,
  minDecimal,
  sumDecimals,
} from "./decimal.ts";

/** What happened in a stretch of ascending candles. */
export interface DayStats {
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  /** close − open. */
  readonly change: string;
  /** Of the open, three decimals. */
  readonly changePct: string;
  /** Quote volume by volume, eight decimals; `0` where a part is not known. */
  readonly weightedAverage: string;
  readonly volume: string;
  /** `0` where a part of it is not known. */
  readonly quoteVolume: string;
  readonly trades: number;
}

/** Undefined for no candles. A candle without volume gives no price unless none has any. */
export function dayStats(candles: readonly Candle[]): DayStats | undefined {
  const traded = candles.filter(({ volume }) => volume !== "0");
  const priced = traded.length > 0 ? traded : candles;
  const [first, last] = [priced.at(0), priced.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const volume = sumDecimals(candles.map((one) => one.volume));
  const quotes = candles.map(({ quoteVolume }) => quoteVolume).filter((one) => one !== null);
  const quoteVolume = quotes.length === candles.length ? sumDecimals(quotes) : "0";
  const change = addDecimals(last.close, negated(first.open));
  return {
    open: first.open,
    high: priced.map(({ high }) => high).reduce(maxDecimal),
    low: priced.map(({ low }) => low).reduce(minDecimal),
    close: last.close,
    change,
    changePct: divideDecimals(change, first.open, { scale: 3, times: 100 }) ?? "0",
    weightedAverage: divideDecimals(quoteVolume, volume, { scale: 8 }) ?? "0",
    volume,
    quoteVolume,
    trades: candles.reduce((total, { tradesCount }) => total + (tradesCount ?? 0), 0),
  };
}

/** One candle that stands for some in `dayStats`, before or after others; undefined for none. */
export function dayCandle(candles: readonly Candle[]): Candle | undefined {
  const [first] = candles;
  if (first === undefined) return undefined;
  const tradesCount = candles.reduce((total, one) => total + (one.tradesCount ?? 0), 0);
  return { ...joinCandles(first.openTime, candles), tradesCount };
}

function negated(decimal: string): string {
  if (compareDecimals(decimal, "0") === 0) return "0";
  return decimal.startsWith("-") ? decimal.slice(1) : `-${decimal}`;
}
