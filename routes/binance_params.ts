import { type Interval, isInterval, slotOffset } from "@/domain/klines/interval.ts";
import { BinanceError, invalidParameter } from "./binance_errors.ts";

/** What `klines` was asked for. */
export interface KlinesParams {
  readonly symbol: string;
  readonly interval: Interval;
  /** How far the clocks that bars open by are ahead of UTC; times of the query are UTC. */
  readonly offsetMs: number;
  /** Epoch ms. */
  readonly startTime: number | undefined;
  /** Inclusive. */
  readonly endTime: number | undefined;
  readonly limit: number;
}

/** Binance cuts a larger limit down instead of refusing it. */
const MAX_KLINES = 1_000;
const DEFAULT_KLINES = 500;
const MAX_SYMBOLS = 100;
const SYMBOL = /^[A-Z0-9._-]{1,50}$/;
/** One, or a list of them as JSON. */
const PERMISSIONS = /^(?:[A-Z0-9_]+|\["[A-Z0-9_]+"(?:,"[A-Z0-9_]+")*\])$/;
const MICROSECONDS_FROM = 100_000_000_000_000;
/** Year 9999: later times mean the same. */
const LATEST_MS = 253_402_300_799_999;

/** Reads the query; throws a BinanceError. Names that nobody knows are not looked at. */
export function klinesParams(query: URLSearchParams): KlinesParams {
  const symbol = requiredSymbol(query);
  const interval = mandatory(query, "interval");
  if (!isInterval(interval)) throw new BinanceError(-1120, "Invalid interval.");
  return {
    symbol,
    interval,
    offsetMs: timeZone(query, interval),
    startTime: time(query, "startTime", Math.ceil),
    endTime: time(query, "endTime", Math.floor),
    limit: limit(query),
  };
}

/** The symbols asked for by `symbol` or `symbols`; undefined for all there are. */
export function symbolsParam(query: URLSearchParams): readonly string[] | undefined {
  const [one, many] = [single(query, "symbol"), single(query, "symbols")];
  if (one !== undefined && many !== undefined) throw notTogether("symbol", "symbols");
  if (one !== undefined) return [checkedSymbol(one)];
  return many === undefined ? undefined : listed(many).map(checkedSymbol);
}

/** Whether `symbolStatus` and `permissions` choose what is held: symbols of spot that are traded. */
export function choosesHeld(query: URLSearchParams): boolean {
  const named = ["symbol", "symbols"].find((name) => single(query, name) !== undefined);
  for (const name of ["symbolStatus", "permissions"]) {
    if (named !== undefined && single(query, name) !== undefined) throw notTogether(named, name);
  }
  const status = wordParam(query, "symbolStatus", ["TRADING", "HALT", "BREAK"]);
  const permissions = single(query, "permissions") ?? "SPOT";
  if (!PERMISSIONS.test(permissions)) throw illegal("permissions", PERMISSIONS.source);
  return status === "TRADING" && /(^|")SPOT($|")/.test(permissions);
}

/** A parameter that takes one of a few words, the first of them by default. */
export function wordParam<T extends string>(
  query: URLSearchParams,
  name: string,
  words: readonly [T, ...T[]],
): T {
  const given = single(query, name);
  const word = words.find((one) => one === given);
  if (given !== undefined && word === undefined) throw invalidParameter(name);
  return word ?? words[0];
}

function requiredSymbol(query: URLSearchParams): string {
  return checkedSymbol(mandatory(query, "symbol"));
}

function checkedSymbol(symbol: string): string {
  if (SYMBOL.test(symbol)) return symbol;
  throw illegal("symbol", "^[A-Z0-9-_.]{1,50}$");
}

function listed(text: string): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const symbols = Array.isArray(parsed) ? parsed.filter((one) => typeof one === "string") : [];
  const whole = Array.isArray(parsed) && symbols.length === parsed.length;
  if (whole && symbols.length > 0 && symbols.length <= MAX_SYMBOLS) return [...new Set(symbols)];
  throw illegal(
    "symbols",
    `^\\[("[A-Z0-9-_.]{1,50}"(,"[A-Z0-9-_.]{1,50}"){0,${MAX_SYMBOLS - 1}})\\]$`,
  );
}

function mandatory(query: URLSearchParams, name: string): string {
  const value = single(query, name);
  if (value !== undefined) return value;
  const message = `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`;
  throw new BinanceError(-1102, message);
}

/** Empty counts as not sent. */
function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) {
    throw new BinanceError(-1101, `Duplicate values for parameter '${name}' detected.`);
  }
  return values[0] === "" ? undefined : values[0];
}

function limit(query: URLSearchParams): number {
  const text = single(query, "limit");
  if (text === undefined) return DEFAULT_KLINES;
  const value = wholeNumber(text, "limit");
  if (value === 0) throw invalidParameter("limit");
  return Math.min(value, MAX_KLINES);
}

function time(
  query: URLSearchParams,
  name: string,
  rounded: (ms: number) => number,
): number | undefined {
  const text = single(query, name);
  if (text === undefined) return undefined;
  const value = wholeNumber(text, name);
  return Math.min(value >= MICROSECONDS_FROM ? rounded(value / 1_000) : value, LATEST_MS);
}

function wholeNumber(text: string, name: string): number {
  if (/^\d{1,20}$/.test(text)) return Number(text);
  throw illegal(name, "^[0-9]{1,20}$");
}

/** How far clocks of `timeZone` are ahead of UTC, as far as bars of the interval show it. */
function timeZone(query: URLSearchParams, interval: Interval): number {
  const text = single(query, "timeZone");
  if (text === undefined) return 0;
  const [, sign, hours, minutes = "0"] = /^([+-]?)(\d{1,2})(?::(\d\d))?$/.exec(text) ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  if (hours === undefined || Number(minutes) > 59 || offset < -12 * 60 || offset > 14 * 60) {
    throw illegal("timeZone", "^[+-]?[0-9]{1,2}(:[0-9]{2})?$");
  }
  return slotOffset(interval, offset * 60_000);
}

function notTogether(one: string, other: string): BinanceError {
  return new BinanceError(-1128, `Combination of optional parameters invalid: ${one}, ${other}`);
}

function illegal(name: string, range: string): BinanceError {
  return new BinanceError(
    -1100,
    `Illegal characters found in parameter '${name}'; legal range is '${range}'.`,
  );
}
