import { type AnswerRules, brokenRules } from "@/domain/crawlers/answer_rules.ts";
import type { SourceAnswer, SourceName } from "@/domain/ports/market_source.ts";
import { KEPT_RESPONSE_BYTES, SourceError } from "@/domain/ports/source_error.ts";

/** founderfu and the pages are empty before they are published. */
const RULES: Readonly<Partial<Record<SourceName, AnswerRules>>> = {
  hzzhqx: { minRows: 1 },
  jiaoyikecha: { minRows: 1 },
  openvlab: { minRows: 1 },
  // Exchanges stop trading at a change of 20 %; a main contract that rolls over may add to that.
  sina: { minRows: 1, maxAgeDays: 10, maxJump: 0.5 },
};

/** Throws a SourceError `invalid`, with the answer, where it has its shape and cannot be true. */
export function refuseBroken(source: SourceName, answer: SourceAnswer, date: string): void {
  const broken = brokenRules(answer, RULES[source] ?? {}, date);
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
