import { isDeepStrictEqual } from "node:util";
import {
  type MarketReport,
  marketReport,
  reportIdentity,
  type SourceAnswer,
} from "@/domain/ports/market_source.ts";
import { namedDifferences } from "./named_differences.ts";
import type { SourceReply } from "./source_reply.ts";
import { storableText } from "./storable_text.ts";

/** What a crawl got, from its replies in their order. Throws `invalid` where it contradicts itself. */
export function sourceAnswer(
  replies: readonly SourceReply[],
  { rows = [], series = [], failures = [] }: Partial<
    Pick<SourceAnswer, "rows" | "series" | "failures">
  >,
): SourceAnswer {
  return {
    rows: uniqueReports(rows, replies.at(-1)),
    ...{ series, failures },
    raw: rawOf(replies),
    sizeBytes: replies.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** What is said twice in the same words counts once. */
function uniqueReports(
  rows: readonly MarketReport[],
  reply: SourceReply | undefined,
): readonly MarketReport[] {
  const unique = new Map<string, MarketReport>();
  for (const row of rows.map((one) => possible(one, reply))) {
    const identity = reportIdentity(row);
    const before = unique.get(identity);
    if (before !== undefined && !isDeepStrictEqual(before, row) && reply !== undefined) {
      const name = row.contract ?? row.product;
      throw reply.fail("invalid", `it says two things of ${name} (${row.kind}, ${row.reportDate})`);
    }
    unique.set(identity, row);
  }
  return [...unique.values()];
}

/** A time of any year has the shape of one, and is of no day that a report can be of. */
function possible(row: MarketReport, reply: SourceReply | undefined): MarketReport {
  const { data, error } = marketReport.safeParse(storableText(row), { reportInput: true });
  if (data !== undefined) return data;
  const [difference] = namedDifferences(error, reply?.clean);
  const problem = `it says of ${row.contract ?? row.product} what cannot be: ${difference}`;
  throw reply?.fail("invalid", problem) ?? error;
}

function rawOf(replies: readonly SourceReply[]): SourceAnswer["raw"] {
  const [only, ...others] = replies;
  const encoder = new TextEncoder();
  if (only !== undefined && others.length === 0) {
    return { bytes: only.cleanBytes, contentType: only.contentType };
  }
  const lines = replies.map(({ op, contentType, cleanText }) =>
    `${JSON.stringify({ request: op, contentType, body: cleanText })}\n`
  );
  return { bytes: encoder.encode(lines.join("")), contentType: "application/x-ndjson" };
}
