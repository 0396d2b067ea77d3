import { previousTradingDay } from "../klines/trading_calendar.ts";
import type { SourceAnswer } from "../ports/market_source.ts";

/** What an answer of the right shape must hold to be believed. */
export interface AnswerRules {
  /** Fewer reports cannot be all; none given, an empty answer is a valid one. */
  readonly minRows?: number | undefined;
  /** Trading days by which the newest report may lie behind the day asked for. */
  readonly maxAgeDays?: number | undefined;
  /** Largest change from one close of a series to the next, as a part of the earlier one. */
  readonly maxJump?: number | undefined;
}

/** Bars whose changes are looked at: what is older was looked at when it was new. */
const LOOKED_AT = 20;

/** What of the rules an answer breaks, a sentence each; none when it can be believed. */
export function brokenRules(
  { rows, series }: Pick<SourceAnswer, "rows" | "series">,
  { minRows = 0, maxAgeDays, maxJump }: AnswerRules,
  /** The trading day asked for, `2026-09-08`. */
  date: string,
): readonly string[] {
  const broken: string[] = [];
  if (rows.length < minRows) broken.push(`${rows.length} reports, expected at least ${minRows}`);
  const newest = rows.map(({ reportDate }) => reportDate).toSorted().at(-1);
  const oldest = maxAgeDays === undefined ? undefined : tradingDaysBefore(date, maxAgeDays);
  if (newest !== undefined && oldest !== undefined && newest < oldest) {
    broken.push(`its newest report is of ${newest}, expected ${oldest} or later`);
  }
  if (maxJump === undefined) return broken;
  for (const { symbol, candles } of series) {
    const bars = candles.slice(-LOOKED_AT);
    const jump = bars.findIndex((bar, n) => {
      const before = Number(bars[n - 1]?.close ?? NaN);
      return Math.abs(Number(bar.close) - before) > maxJump * before;
    });
    const [before, bar] = [bars[jump - 1], bars[jump]];
    if (before === undefined || bar === undefined) continue;
    broken.push(`${symbol} closes at ${bar.close} after ${before.close}`);
  }
  return broken;
}

function tradingDaysBefore(date: string, days: number): string {
  let day = date;
  for (let n = 0; n < days; n++) day = previousTradingDay(day) ?? day;
  return day;
}
