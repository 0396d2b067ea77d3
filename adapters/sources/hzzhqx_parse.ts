import { z } from "zod";
import type { MarketReport } from "@/domain/ports/market_source.ts";
import { neededDecimal, optionalText, text } from "./market_numbers.ts";
import { productOf } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

const envelope = z.object({
  success: z.boolean(),
  errCode: z.union([z.string(), z.number(), z.null()]).optional(),
  errDesc: optionalText(),
});

const view = z.object({
  variety_code: text(),
  variety_name: text(),
  excessive_ratio: neededDecimal(),
  neutral_ratio: neededDecimal(),
  empty_ratio: neededDecimal(),
  excessive_num: neededDecimal(),
  neutral_num: neededDecimal(),
  empty_num: neededDecimal(),
  sum: neededDecimal(),
  more_port: z.enum(["偏多", "中性", "偏空", "看多", "看空"]),
  more_rate: neededDecimal(),
});

const answer = z.object({ result: z.array(z.preprocess(snakeCased, view)).nullable() });

const SENTIMENTS = {
  ...{ 偏多: "bull", 看多: "bull", 中性: "neutral", 偏空: "bear", 看空: "bear" },
} as const;

/** How many houses are bullish, neutral and bearish on each product. */
export function parseOverallView(reply: SourceReply, date: string): MarketReport[] {
  const { success, errCode, errDesc } = reply.as(envelope);
  if (!success) throw reply.refusal(String(errCode ?? "none"), errDesc ?? "");
  const { result } = reply.as(answer);
  return (result ?? []).map(({ variety_code, variety_name, ...numbers }) => ({
    source: "hzzhqx",
    kind: "sentiment",
    ...productOf(variety_code),
    reportDate: date,
    values: { name: variety_name, ...numbers, main_sentiment: SENTIMENTS[numbers.more_port] },
  }));
}

/** The site writes `excessiveRate`, exports of it write `excessive_ratio`. */
function snakeCased(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
        .replace(/^(excessive|neutral|empty)_rate$/, "$1_ratio"),
      one,
    ]),
  );
}
