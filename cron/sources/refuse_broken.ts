import {
  type AnswerRules,
  brokenRules,
  type HeldBefore,
  partsApart,
} from "@/domain/crawlers/answer_rules.ts";
import { partsFailed } from "@/domain/crawlers/failed_parts.ts";
import type { SourceAnswer } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { KEPT_RESPONSE_BYTES, SourceError } from "@/domain/ports/source_error.ts";

const PERCENT: readonly [number, number] = [0, 100];
const PAGE: AnswerRules = { filled: ["structure", "strength", "spread"] };

/**
 * Fields that a report cannot do without are part of its source's schema. Those that answer for the day
 * they are asked for (hzzhqx, jiaoyikecha, founderfu, the pages) cannot be old.
 */
const RULES: Readonly<Record<SourceName, AnswerRules>> = {
  hzzhqx: {
    minRows: 1,
    bounds: { excessive_ratio: PERCENT, neutral_ratio: PERCENT, empty_ratio: PERCENT },
  },
  jiaoyikecha: { minRows: 1, bounds: { total_vol: [0, Infinity] } },
  openvlab: {
    ...{ minRows: 1, filled: ["price", "atmv_current"], maxAgeDays: 3, neverBack: true },
    bounds: { atmv_current: [0, 1_000], atmv_percentile: PERCENT, skew_percentile: PERCENT },
  },
  // Empty before they are published.
  ...{ founderfu: {}, rongda: PAGE, rongda2: PAGE },
  // Exchanges stop trading at a change of some 20 %; a main contract that rolls over adds to that. A
  // contract that has ended stays as old as it is.
  sina: {
    ...{ minRows: 1, maxAgeDays: 10, maxJump: 1 },
    ages: ({ contract = "" }) => /^[A-Z]+0$/.test(contract),
  },
};

interface Asked {
  readonly date: string;
  readonly held: HeldBefore;
}

/**
 * The answer without the parts that have their shape and cannot be true, which are among its failures.
 * Throws a SourceError `invalid`, with the answer, where that is so of the rest.
 */
export function refuseBroken(
  source: SourceName,
  answer: SourceAnswer,
  asked: Asked,
): SourceAnswer {
  const rules = RULES[source];
  const { sound, broken } = partsApart(answer, rules);
  const failures = [
    ...answer.failures,
    ...broken.map(({ name, problem }) => ({ name, error: invalid(source, answer, problem) })),
  ];
  // Where nothing is sound, that is the failure, and not that nothing is there.
  if (failures.length > 0 && sound.rows.length === 0) throw partsFailed(source, failures);
  const problems = brokenRules(sound, rules, asked);
  if (problems.length > 0) throw invalid(source, answer, problems.join("; "));
  return { ...answer, ...sound, failures };
}

function invalid(source: SourceName, { raw }: SourceAnswer, problem: string): SourceError {
  const { bytes, contentType } = raw;
  return new SourceError(`Cannot crawl ${source}: ${problem}`, {
    ...{ source, errorClass: "invalid", op: "rules" },
    response: {
      ...{ status: 200, contentType, bytes: bytes.slice(0, KEPT_RESPONSE_BYTES) },
      truncated: bytes.length > KEPT_RESPONSE_BYTES,
    },
  });
}
