import { z } from "zod";
import type { Candle } from "@/domain/klines/candle.ts";
import { CALENDAR_TO, dayClosesAt, isTradingDay } from "@/domain/klines/trading_calendar.ts";
import { type MarketReport, reportDate, type SourceSeries } from "@/domain/ports/market_source.ts";
import { parseExactJson } from "./exact_json.ts";
import { decimal, neededDecimal } from "./market_numbers.ts";
import { productOf } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

const bar = z.object({
  date: reportDate,
  open: neededDecimal(),
  high: neededDecimal(),
  low: neededDecimal(),
  close: neededDecimal(),
  volume: neededDecimal(),
  /** Contracts that stay open. */
  hold: decimal(),
  /** Zero where none was published. */
  settle: decimal({ sentinels: ["0"] }),
});

export type SinaBar = z.infer<typeof bar>;

/** Sina's own names are the first letters; its data is handed on under whole ones. */
const LONG_NAMES: Readonly<Record<string, keyof SinaBar>> = {
  ...{ d: "date", o: "open", h: "high", l: "low", c: "close", v: "volume", p: "hold", s: "settle" },
};

const bars = z.array(z.preprocess(longNamed, bar));

/** `var _RB0=([…]);`, behind a comment that stops browsers. */
const CALLBACK = /^(?:\/\*[\s\S]*?\*\/)?[\w\s.$]*(?:=\s*)?\(([\s\S]*)\)\s*;?$/;

/** A symbol's whole history, ascending. Throws `invalid` for a symbol that Sina does not know. */
export function parseSinaDaily(reply: SourceReply, symbol: string): SinaBar[] {
  const value = sinaJson(reply);
  if (value === null) throw reply.fail("invalid", `it has no contract ${symbol}`);
  const read = reply.as(bars, value).sort((a, b) => a.date < b.date ? -1 : 1);
  const doubled = read.find((one, i) => one.date === read[i + 1]?.date);
  if (doubled === undefined) return read;
  throw reply.fail("invalid", `it has two bars of ${symbol} for ${doubled.date}`);
}

/**
 * The bars as candles of `sina:<symbol>:1d`. Bars of days on which nobody traded, which repeat the
 * bar before them, are set apart.
 */
export function sinaSeries(symbol: string, bars: readonly SinaBar[]): SourceSeries {
  const repeats = repeatsAfterCalendar(bars);
  const isOff = (one: SinaBar) =>
    one.date <= CALENDAR_TO ? !isTradingDay(one.date) : repeats.has(one);
  return {
    symbol,
    interval: "1d",
    candles: bars.filter((one) => !isOff(one)).map(candleOf),
    offCalendar: bars.filter(isOff).map(candleOf),
  };
}

/**
 * The newest bar up to a day whose session is over (`now` in epoch ms), with what a candle has no place
 * for; none before the first bar.
 */
export function dailyReports(
  symbol: string,
  bars: readonly SinaBar[],
  { date, now }: { readonly date: string; readonly now: number },
): MarketReport[] {
  const repeats = repeatsAfterCalendar(bars);
  const newest = bars.findLast((one) =>
    one.date <= date && !repeats.has(one) && (dayClosesAt(one.date) ?? Infinity) <= now
  );
  if (newest === undefined) return [];
  const { date: reportDate, hold, ...values } = newest;
  return [{
    source: "sina",
    kind: "daily",
    ...productOf(symbol.replace(/\d+$/, "")),
    contract: symbol,
    reportDate,
    values: { ...values, open_interest: hold },
  }];
}

/**
 * The bars of days that the calendar does not know which only repeat the one before them: a holiday.
 * Where nobody trades anyway, that tells nothing.
 */
function repeatsAfterCalendar(bars: readonly SinaBar[]): ReadonlySet<SinaBar> {
  const told = ({ date: _, ...values }: SinaBar) => JSON.stringify(values);
  return new Set(bars.filter((one, n) => {
    const before = bars[n - 1];
    return one.date > CALENDAR_TO && before !== undefined && Number(one.volume) > 0 &&
      told(one) === told(before);
  }));
}

function candleOf({ date, open, high, low, close, volume }: SinaBar): Candle {
  return {
    openTime: Date.parse(`${date}T00:00:00Z`),
    ...{ open, high, low, close, volume },
    ...{ closeTime: null, quoteVolume: null, tradesCount: null },
    ...{ takerBuyVolume: null, takerBuyQuoteVolume: null },
  };
}

/** JSON, bare or as the argument of a script. */
function sinaJson(reply: SourceReply): unknown {
  const inner = CALLBACK.exec(reply.text.trim())?.[1];
  if (inner !== undefined && inner.trim() !== "") {
    try {
      return parseExactJson(inner);
    } catch {
      throw reply.fail("schema_changed", `${reply.op}: expected JSON inside of its script`, {
        differences: ["expected JSON inside of the script, received other text"],
      });
    }
  }
  if (/^\s*(?:\/\*|var\s)/.test(reply.text) && inner === undefined) {
    throw reply.fail("network", `${reply.op} ends in the middle`);
  }
  return reply.json();
}

function longNamed(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [LONG_NAMES[name] ?? name, one]),
  );
}
