import { Refusal } from "../decider.ts";
import { type Interval, INTERVALS, isInterval } from "./interval.ts";
import { symbolFolder, unifySymbol } from "./symbol.ts";

/** What a series is: `binance:BTC/USDT:1m`. */
export interface SeriesRef {
  readonly exchange: string;
  /** ccxt's unified symbol. */
  readonly symbol: string;
  readonly interval: Interval;
}

const EXCHANGE = /^[a-z][a-z0-9_-]{0,39}$/;
/** Every part between `/`, `:`, `-`, `_` and `.` has something in it, so no path can climb. */
const SYMBOL = /^(?=.{1,80}$)[A-Za-z0-9]+([/:._-][A-Za-z0-9]+)*$/;

/**
 * Reads `exchange:SYMBOL:interval`; the first and the last colon separate, and the exchange's own
 * symbol (`BTCUSDT`) is unified. Throws a Refusal `validation_error` that says what is wrong.
 */
export function parseSeries(text: string): SeriesRef {
  const [first, last] = [text.indexOf(":"), text.lastIndexOf(":")];
  if (first === last) {
    throw invalid(text, "it is not written exchange:SYMBOL:interval, like binance:BTC/USDT:1m");
  }
  return seriesRef(text.slice(0, first), text.slice(first + 1, last), text.slice(last + 1));
}

/** The same from its three parts. */
export function seriesRef(exchange: string, symbol: string, interval: string): SeriesRef {
  const text = `${exchange}:${symbol}:${interval}`;
  if (!EXCHANGE.test(exchange)) {
    throw invalid(text, `"${exchange}" is not an exchange id like binance or okx`, "exchange");
  }
  if (!SYMBOL.test(symbol)) {
    throw invalid(text, `"${symbol}" is not a symbol like BTC/USDT or BTCUSDT`, "symbol");
  }
  if (!isInterval(interval)) {
    throw invalid(text, `"${interval}" is not one of ${INTERVALS.join(", ")}`, "interval");
  }
  return { exchange, symbol: unifySymbol(symbol, exchange), interval };
}

export function formatSeries({ exchange, symbol, interval }: SeriesRef): string {
  return `${exchange}:${symbol}:${interval}`;
}

/** Name in streams, routes and tables: `binance.BTC-USDT.1m`, `binanceusdm.BTC-USDT_USDT.1m`. */
export function seriesId({ exchange, symbol, interval }: SeriesRef): string {
  return `${exchange}.${symbolFolder(symbol)}.${intervalFolder(interval)}`;
}

/** Where its files lie below the lake: `binance/BTC-USDT/1m`. */
export function lakeFolder({ exchange, symbol, interval }: SeriesRef): string {
  return `${exchange}/${symbolFolder(symbol)}/${intervalFolder(interval)}`;
}

/** Disks that ignore case would mix up `1m` and `1M`. */
export function intervalFolder(interval: Interval): string {
  return interval === "1M" ? "1mo" : interval;
}

function invalid(series: string, reason: string, field = "series"): Refusal {
  return new Refusal("validation_error", `Cannot read series "${series}": ${reason}`, { field });
}
