import { deepEqual } from "node:assert/strict";
import {
  type AnswerRules,
  brokenRules,
  type HeldBefore,
  partsApart,
} from "@/domain/crawlers/answer_rules.ts";
import type { MarketReport, SourceSeries } from "@/domain/ports/market_source.ts";
import { candle, utc } from "@/tests/support/candles.ts";

const DAY = 86_400_000;
const DATE = "2026-09-08";

function report(reportDate = DATE, values: MarketReport["values"] = {}): MarketReport {
  return { source: "sina", kind: "daily", exchange: "SHFE", product: "RB", reportDate, values };
}

const LONG_AGO = Date.parse("2026-01-05");

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
  readonly held?: HeldBefore;
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
  "a value that no report holds is missed": {
    rows: [report(DATE, { price: "1", iv: null }), report(DATE, { price: null })],
    rules: { filled: ["price", "iv"] },
    broken: ["none of its 2 reports has a iv"],
  },
  "no report at all lacks no value": { rules: { filled: ["price"] }, broken: [] },
  "values at their bounds are believed, as those are that nobody knows": {
    rows: [
      report(DATE, { share: "0" }),
      report(DATE, { share: "100" }),
      report(DATE, { share: null }),
    ],
    ...{ rules: { bounds: { share: [0, 100] } }, broken: [] },
  },
  "a value beyond its bounds is named": {
    rows: [report(DATE, { share: "3" }), report(DATE, { share: "100.01" })],
    rules: { bounds: { share: [0, 100] } },
    broken: ["share of RB is 100.01, expected 0 to 100"],
  },
  // 2026-09-05 and 06 are a weekend.
  "the newest report may be so many trading days old": {
    rows: [report("2026-08-20"), report("2026-09-04")],
    ...{ rules: { maxAgeDays: 2 }, held: { since: LONG_AGO }, broken: [] },
  },
  "and no older": {
    ...{ rows: [report("2026-09-03")], rules: { maxAgeDays: 2 }, held: { since: LONG_AGO } },
    broken: ["its newest report is of 2026-09-03, expected 2026-09-04 or later"],
  },
  "an old answer of a source that is new here is believed": {
    ...{ rows: [report("2026-01-05")], rules: { maxAgeDays: 2 }, broken: [] },
  },
  "so is one of a source that was not here when it was new": {
    rows: [report("2026-01-05")],
    ...{
      rules: { maxAgeDays: 2 },
      held: { since: Date.parse("2026-09-07T09:00:00Z") },
      broken: [],
    },
  },
  "reports that stay as old as they are tell no age": {
    rows: [{ ...report("2026-01-05"), contract: "RB2601" }],
    rules: { maxAgeDays: 2, ages: ({ contract }) => contract === "RB0" },
    ...{ held: { since: LONG_AGO }, broken: [] },
  },
  "what is held may be a trading day ahead": {
    ...{ rows: [report("2026-09-04")], rules: { neverBack: true }, held: { newest: "2026-09-07" } },
    broken: [],
  },
  "and no more": {
    ...{ rows: [report("2026-09-03")], rules: { neverBack: true }, held: { newest: "2026-09-07" } },
    broken: ["its newest report is of 2026-09-03, one of 2026-09-07 is held"],
  },
  "a date to come that is held refuses nothing": {
    ...{ rows: [report("2026-09-07")], rules: { neverBack: true }, held: { newest: "2027-09-07" } },
    broken: [],
  },
  "a close that jumps is named with the one before": {
    ...{ series: [closes("3000", "3100", "31000", "3100")], rules: { maxJump: 1 } },
    broken: ["RB0 closes at 31000 after 3100"],
  },
  "a fall counts as a rise does": {
    ...{ series: [closes("3000", "1400")], rules: { maxJump: 1 } },
    broken: ["RB0 closes at 1400 after 3000"],
  },
  "a close of nothing is a jump": {
    ...{ series: [closes("3000", "0", "3000")], rules: { maxJump: 1 } },
    broken: ["RB0 closes at 0 after 3000"],
  },
  "a change at the limit is none": {
    ...{ series: [closes("3000", "1500", "3000")], rules: { maxJump: 1 }, broken: [] },
  },
  // Limits of 20 %, day after day; a main contract that rolls over to one of half the price.
  "days at the limit and a contract that rolls over are honest": {
    series: [closes("100", "120", "144", "172.8", "86.4", "69.12", "55.3")],
    ...{ rules: { maxJump: 1 }, broken: [] },
  },
  "jumps of long ago are history": {
    series: [closes("100", "3000", ...Array.from({ length: 20 }, () => "3000"))],
    ...{ rules: { maxJump: 1 }, broken: [] },
  },
};

for (const [title, { rows = [], series = [], rules, held, broken }] of Object.entries(CASES)) {
  Deno.test(`rules of an answer: ${title}`, () => {
    const { sound, broken: parts } = partsApart({ rows, series }, rules);
    const problems = [
      ...parts.map(({ problem }) => problem),
      ...brokenRules(sound, rules, { date: DATE, held }),
    ];
    deepEqual(problems, broken);
  });
}

Deno.test("rules of an answer: a part that breaks one goes without the others", () => {
  const main = (contract: string) => ({ ...report(), contract });
  const series = [closes("3000", "31000"), { ...closes("3000", "3100"), symbol: "AU0" }];
  const dailies = partsApart(
    { rows: [main("RB0"), main("AU0")], series },
    { maxJump: 1 },
  );
  deepEqual(dailies.broken.map(({ name }) => name), ["RB0"]);
  deepEqual(dailies.sound, { rows: [main("AU0")], series: series.slice(1) });
  const shares = [report(DATE, { share: "101" }), report("2026-09-07", { share: "3" })];
  const views = partsApart({ rows: shares, series: [] }, { bounds: { share: [0, 100] } });
  deepEqual([views.broken.length, views.sound.rows], [1, shares.slice(1)]);
});
