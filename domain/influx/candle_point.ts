import type { Candle } from "../klines/candle.ts";
import { canonicalDecimal } from "../klines/decimal.ts";
import { slotEnd } from "../klines/interval.ts";
import { type SeriesRef, seriesRef } from "../klines/series_ref.ts";
import { parseTime } from "../klines/time.ts";
import { LineError, type Point } from "./line_protocol.ts";

/** Units of a line's timestamp, in ns. */
export const PRECISIONS = {
  ...{ ns: 1n, n: 1n, us: 1_000n, u: 1_000n, "µ": 1_000n, ms: 1_000_000n, s: 1_000_000_000n },
  ...{ m: 60_000_000_000n, h: 3_600_000_000_000n },
} as const;

export type Precision = keyof typeof PRECISIONS;

export interface CandlePoint {
  readonly series: SeriesRef;
  /** Not validated yet: unreadable decimals stay as they came. */
  readonly candle: Candle;
}

/** cryptofeed's names of venues that ccxt calls otherwise. */
const VENUES: Readonly<Record<string, string>> = {
  ...{ binance_futures: "binanceusdm", binance_delivery: "binancecoinm", binance_us: "binanceus" },
  ...{ huobi: "htx", huobi_swap: "htx", huobi_dm: "htx", gateio: "gate", gateio_futures: "gate" },
  ...{ kraken_futures: "krakenfutures", kucoin_futures: "kucoinfutures", okex: "okx" },
  ...{ "crypto.com": "cryptocom", ascendex_futures: "ascendex" },
};

const PRICES = ["open", "high", "low", "close"] as const;

/**
 * The candle of a point: exchange from the tag `exchange`, else the measurement's end
 * (`candles-BINANCE`), else `exchange` as given; symbol and interval from their tags. Its open time
 * is the field `start` (cryptofeed's line carries when it was received), else the line's timestamp;
 * its close time `close_time`, else cryptofeed's `stop`, in a unit that is told by the magnitude.
 * Throws a {@linkcode LineError} for what is no candle, a Refusal for a series that cannot be named.
 */
export function readCandlePoint(
  point: Point,
  { precision, exchange }: { readonly precision: Precision; readonly exchange: string | undefined },
): CandlePoint {
  if (!PRICES.every((name) => point.fields.has(name))) {
    throw new LineError(
      "only candles are taken: it lacks one of the fields open, high, low, close; ticks are not " +
        "stored yet",
    );
  }
  const [, suffix] = /^[^-]+-(.+)$/.exec(point.measurement) ?? [];
  const venue = point.tags.get("exchange") ?? suffix ?? exchange;
  if (venue === undefined) throw new LineError("missing tag exchange");
  const symbol = symbolOf(tag(point, "symbol"));
  const series = seriesRef(venueId(venue), symbol, tag(point, "interval"));
  const openTime = openTimeOf(point, precision);
  return {
    series,
    candle: {
      openTime,
      open: decimal(point, "open") ?? "",
      high: decimal(point, "high") ?? "",
      low: decimal(point, "low") ?? "",
      close: decimal(point, "close") ?? "",
      volume: decimal(point, "volume") ?? "",
      closeTime: closeTimeOf(point, openTime, slotEnd(series.interval, openTime)),
      quoteVolume: decimal(point, "quote_volume"),
      tradesCount: count(point, "trades_count") ?? count(point, "trades"),
      takerBuyVolume: decimal(point, "taker_buy_volume"),
      takerBuyQuoteVolume: decimal(point, "taker_buy_quote_volume"),
    },
  };
}

function tag({ tags }: Point, name: string): string {
  const value = tags.get(name);
  if (value === undefined) throw new LineError(`missing tag ${name}`);
  return value;
}

function venueId(text: string): string {
  const id = text.toLowerCase();
  return Object.hasOwn(VENUES, id) ? VENUES[id] ?? id : id;
}

/** cryptofeed writes perpetual contracts `BTC-USDT-PERP`. */
function symbolOf(text: string): string {
  return text.replace(/-PERP$/i, "-SWAP");
}

function openTimeOf({ fields, timestamp }: Point, precision: Precision): number {
  const start = fields.get("start");
  const at = start !== undefined
    ? parseTime(start.text)
    : timestamp !== undefined
    ? Number(BigInt(timestamp) * PRECISIONS[precision] / 1_000_000n)
    : undefined;
  if (at !== undefined && Math.abs(at) <= 8_640_000_000_000_000) return at;
  throw new LineError("bad timestamp: a candle needs its open time, as start or as the timestamp");
}

/** Null where it is regular. A `stop` may also be the end itself: cryptofeed's differ by venue. */
function closeTimeOf({ fields }: Point, openTime: number, end: number): number | null {
  const name = fields.has("close_time") ? "close_time" : "stop";
  const value = fields.get(name);
  if (value === undefined) return null;
  const at = parseTime(value.text);
  if (at === undefined) throw new LineError(`bad ${name}: it is no time`);
  if (at <= openTime) throw new LineError(`bad ${name}: it is not after the open time`);
  return at === end - 1 || (name === "stop" && at === end) ? null : at;
}

/** Which number of a candle that is refused as `bad_number` is the cause, in words. */
export function badNumber(candle: Candle): string | undefined {
  for (const [name, value] of numbersOf(candle)) {
    if (value === "") return `${name} is missing`;
    if (value !== null && canonicalDecimal(value) === undefined) {
      return `${name} is no decimal of at most 18 decimals and 20 integer digits`;
    }
  }
  const { tradesCount } = candle;
  if (tradesCount === null || (Number.isSafeInteger(tradesCount) && tradesCount >= 0)) return;
  return "trades_count is no whole number from 0 to 2^53 - 1";
}

function numbersOf(candle: Candle): readonly (readonly [name: string, value: string | null])[] {
  return [
    ...PRICES.map((name) => [name, candle[name]] as const),
    ["volume", candle.volume],
    ["quote_volume", candle.quoteVolume],
    ["taker_buy_volume", candle.takerBuyVolume],
    ["taker_buy_quote_volume", candle.takerBuyQuoteVolume],
  ];
}

function decimal(point: Point, name: string): string | null {
  const value = numeric(point, name);
  return value === undefined ? null : canonicalDecimal(value) ?? value;
}

function count(point: Point, name: string): number | null {
  const value = numeric(point, name);
  return value === undefined ? null : Number(value);
}

/** A number, also one in quotes, which keeps all its digits on the way. */
function numeric({ fields }: Point, name: string): string | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  const text = value.text.trim();
  if (value.type !== "boolean" && /^[\d.eE+-]{1,100}$/.test(text)) return text;
  throw new LineError(`invalid field format: ${name} is no number`);
}
