import { deepEqual } from "node:assert/strict";
import { type AnswerRules, brokenRules } from "@/domain/crawlers/answer_rules.ts";
import type { MarketReport, SourceSeries } from "@/domain/ports/market_source.ts";
import { candle, utc } from "@/tests/support/candles.ts";

const DAY = 86_400_000;
const DATE = "2026-09-08";

function report(reportDate = DATE): MarketReport {
  return { source: "sina", kind: "daily", exchange: "SHFE", product: "RB", reportDate, values: {} };
}

function closes(...values: readonly string[]): SourceSeries {
  const candles = values.map((close, n) =>
    candle({ openTime: utc("2026-08-03") + n * DAY, close, high: "999999", low: "0.01" })
  );
  return { symbol: "RB0", interval: "1d", candles, offCalendar: [] };
}

interface Case {
  readonly rows?: readonly MarketReport[];
  readonly series?: readonly SourceSeries[];
  readonly rules: AnswerRules;
  readonly broken: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "an empty answer is believed where no minimum is given": { rules: {}, broken: [] },
  "fewer reports than the minimum are not": {
    ...{ rows: [report()], rules: { minRows: 2 } },
    broken: ["1 reports, expected at least 2"],
  },
  "as many as the minimum are": {
    ...{ rows: [report(), report()], rules: { minRows: 2 }, broken: [] },
  },
  // 2026-09-05 and 06 are a weekend.
  "the newest report may be so many trading days old": {
    ...{ rows: [report("2026-08-20"), report("2026-09-04")], rules: { maxAgeDays: 2 }, broken: [] },
  },
  "and no older": {
    ...{ rows: [report("2026-09-03")], rules: { maxAgeDays: 2 } },
    broken: ["its newest report is of 2026-09-03, expected 2026-09-04 or later"],
  },
  "a close that jumps is named with the one before": {
    ...{ series: [closes("3000", "3100", "31000", "3100")], rules: { maxJump: 0.5 } },
    broken: ["RB0 closes at 31000 after 3100"],
  },
  "a fall counts as a rise does": {
    ...{ series: [closes("3000", "1400")], rules: { maxJump: 0.5 } },
    broken: ["RB0 closes at 1400 after 3000"],
  },
  "a change at the limit is none": {
    ...{ series: [closes("3000", "1500", "2250")], rules: { maxJump: 0.5 }, broken: [] },
  },
  "jumps of long ago are history": {
    series: [closes("100", "3000", ...Array.from({ length: 20 }, () => "3000"))],
    ...{ rules: { maxJump: 0.5 }, broken: [] },
  },
};

for (const [title, { rows = [], series = [], rules, broken }] of Object.entries(CASES)) {
  Deno.test(`rules of an answer: ${title}`, () => {
    deepEqual(brokenRules({ rows, series }, rules, DATE), broken);
  });
}
