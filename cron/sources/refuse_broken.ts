import { type AnswerRules, brokenRules, type HeldBefore } from "@/domain/crawlers/answer_rules.ts";
import type { SourceAnswer, SourceName } from "@/domain/ports/market_source.ts";
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

/** Throws a SourceError `invalid`, with the answer, where it has its shape and cannot be true. */
export function refuseBroken(source: SourceName, answer: SourceAnswer, asked: Asked): void {
  const broken = brokenRules(answer, RULES[source], asked);
  if (broken.length === 0) return;
  const { bytes, contentType } = answer.raw;
  throw new SourceError(`Cannot crawl ${source}: ${broken.join("; ")}`, {
    ...{ source, errorClass: "invalid", op: "rules" },
    response: {
      ...{ status: 200, contentType, bytes: bytes.slice(0, KEPT_RESPONSE_BYTES) },
      truncated: bytes.length > KEPT_RESPONSE_BYTES,
    },
  });
}
