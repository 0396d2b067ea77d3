import { previousTradingDay } from "../klines/trading_calendar.ts";
import type { MarketReport, SourceAnswer, SourceSeries } from "../ports/market_source.ts";

/** What an answer of the right shape must hold to be believed. */
export interface AnswerRules {
  /** Fewer reports cannot be all; none given, an empty answer is a valid one. */
  readonly minRows?: number | undefined;
  /** Values that at least one report holds, where there are any reports. */
  readonly filled?: readonly string[] | undefined;
  /** Values that lie between two numbers, both inclusive, wherever they are held. */
  readonly bounds?: Readonly<Record<string, readonly [least: number, most: number]>> | undefined;
  /**
   * Trading days by which the newest report may lie behind the day asked for, once the source has been
   * crawled for as long: before, nobody here knows how old its answers are wont to be.
   */
  readonly maxAgeDays?: number | undefined;
  /** The reports that the age is told by; all of them otherwise. */
  readonly ages?: ((report: MarketReport) => boolean) | undefined;
  /** The newest report may not lie more than a trading day behind the newest that is held. */
  readonly neverBack?: boolean | undefined;
  /** Largest change from one close of a series to the next, either way: 1 is to twice or to half. */
  readonly maxJump?: number | undefined;
}

/** What was there before an answer. */
export interface HeldBefore {
  /** Date of the newest report of the source. */
  readonly newest?: string | undefined;
  /** When the oldest one was captured, epoch ms. */
  readonly since?: number | undefined;
}

interface Asked {
  /** The trading day asked for, `2026-09-08`. */
  readonly date: string;
  readonly held?: HeldBefore | undefined;
}

/** Bars whose changes are looked at: what is older was looked at when it was new. */
const LOOKED_AT = 20;

/** A part that breaks a rule, by the name of its contract, product or symbol. */
export interface BrokenPart {
  readonly name: string;
  readonly problem: string;
}

type Parts = Pick<SourceAnswer, "rows" | "series">;

/** The parts that cannot be believed, and what is left of the answer without them. */
export function partsApart(
  { rows, series }: Parts,
  rules: AnswerRules,
): { readonly sound: Parts; readonly broken: readonly BrokenPart[] } {
  const { bounds = {}, maxJump = Infinity } = rules;
  const outside = rows.flatMap((row) => outOfBounds(row, bounds));
  const jumping = series.flatMap((one) => jumps(one, maxJump));
  const wrong = new Set(outside.map(({ row }) => row));
  const symbols = new Set(jumping.map(({ name }) => name));
  const isSound = (row: MarketReport) =>
    !wrong.has(row) && !(row.contract !== undefined && symbols.has(row.contract));
  return {
    sound: {
      rows: rows.filter(isSound),
      series: series.filter(({ symbol }) => !symbols.has(symbol)),
    },
    broken: [...outside.map(({ row: _, ...part }) => part), ...jumping],
  };
}

/** What of the rules the rest of an answer breaks, a sentence each; none when it can be believed. */
export function brokenRules(
  { rows }: Pick<SourceAnswer, "rows">,
  rules: AnswerRules,
  asked: Asked,
): readonly string[] {
  const { minRows = 0 } = rules;
  const broken: string[] = [];
  if (rows.length < minRows) broken.push(`${rows.length} reports, expected at least ${minRows}`);
  broken.push(...hollow(rows, rules), ...outdated(rows, rules, asked));
  return broken;
}

function hollow(rows: readonly MarketReport[], { filled = [] }: AnswerRules): string[] {
  if (rows.length === 0) return [];
  const empty = filled.filter((name) =>
    rows.every(({ values }) => (values[name] ?? null) === null)
  );
  return empty.map((name) => `none of its ${rows.length} reports has a ${name}`);
}

function outOfBounds(
  row: MarketReport,
  bounds: NonNullable<AnswerRules["bounds"]>,
): (BrokenPart & { readonly row: MarketReport })[] {
  const { product, contract = product, values } = row;
  const wrong = Object.entries(bounds).flatMap(([name, [least, most]]) => {
    const value = values[name];
    const isOut = typeof value === "string" && (Number(value) < least || Number(value) > most);
    return isOut ? [`${name} of ${contract} is ${value}, expected ${least} to ${most}`] : [];
  });
  return wrong.slice(0, 1).map((problem) => ({ row, name: contract, problem }));
}

function outdated(
  rows: readonly MarketReport[],
  { maxAgeDays, neverBack = false, ages = () => true }: AnswerRules,
  { date, held: { newest: before, since } = {} }: Asked,
): string[] {
  const newest = rows.filter(ages).map(({ reportDate }) => reportDate).toSorted().at(-1);
  if (newest === undefined) return [];
  const said = `its newest report is of ${newest}`;
  const oldest = maxAgeDays === undefined ? undefined : tradingDaysBefore(date, maxAgeDays);
  if (oldest !== undefined && newest < oldest && (since ?? Infinity) < Date.parse(oldest)) {
    return [`${said}, expected ${oldest} or later`];
  }
  // A date to come that was held by mistake must not refuse what is true.
  const known = before !== undefined && before > date ? date : before;
  return neverBack && known !== undefined && newest < tradingDaysBefore(known, 1)
    ? [`${said}, one of ${before} is held`]
    : [];
}

function jumps({ symbol, candles }: SourceSeries, maxJump: number): BrokenPart[] {
  const bars = candles.slice(-LOOKED_AT);
  const at = bars.findIndex((bar, n) => {
    const [close, before] = [Number(bar.close), Number(bars[n - 1]?.close ?? NaN)];
    return Math.max(close, before) > (1 + maxJump) * Math.min(close, before);
  });
  const [before, bar] = [bars[at - 1], bars[at]];
  if (before === undefined || bar === undefined) return [];
  return [{ name: symbol, problem: `${symbol} closes at ${bar.close} after ${before.close}` }];
}

function tradingDaysBefore(date: string, days: number): string {
  let day = date;
  for (let n = 0; n < days; n++) day = previousTradingDay(day) ?? day;
  return day;
}
