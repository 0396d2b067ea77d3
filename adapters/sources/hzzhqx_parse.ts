import { z } from "zod";
import type { MarketReport } from "@/domain/ports/market_source.ts";
import { neededDecimal, optionalText, text } from "./market_numbers.ts";
import { findProduct, type Product, productOf } from "./products.ts";
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

/** What the site calls one of its varieties. */
export interface ListedVariety {
  readonly name: string;
  readonly sector: string | null;
}

const variety = z.preprocess(
  (value) => fullNames(snakeCased(value)),
  z.object({ variety_code: text(), variety_name: text(), sector_name: optionalText() }),
);

const flatList = z.object({ result: z.array(variety).nullable() });

const listBySector = z.object({
  result: z.array(z.preprocess(
    snakeCased,
    z.object({
      sector_name: optionalText(),
      variety_list: z.array(variety).nullable(),
    }),
  )).nullable(),
});

/** The site's directory, by code in upper case; sector by sector, as the site writes it, or flat. */
export function parseVarietyList(reply: SourceReply): ReadonlyMap<string, ListedVariety> {
  refuseUnsuccessful(reply);
  const isBySector = /"variety_?list"\s*:/i.test(reply.text);
  const sectors = isBySector
    ? reply.as(listBySector).result ?? []
    : [{ sector_name: null, variety_list: reply.as(flatList).result }];
  const listed = sectors.flatMap(({ sector_name: sector, variety_list }) =>
    (variety_list ?? []).map(({ variety_code, variety_name, sector_name }) =>
      [variety_code.toUpperCase(), { name: variety_name, sector: sector_name ?? sector }] as const
    )
  );
  return new Map(listed);
}

interface ViewContext {
  readonly date: string;
  readonly varieties: ReadonlyMap<string, ListedVariety>;
}

/** How many houses are bullish, neutral and bearish on each product. */
export function parseOverallView(
  reply: SourceReply,
  { date, varieties }: ViewContext,
): MarketReport[] {
  refuseUnsuccessful(reply);
  const { result } = reply.as(answer);
  return (result ?? []).map(({ variety_code, variety_name, ...numbers }) => {
    const listed = varieties.get(variety_code.toUpperCase());
    return {
      source: "hzzhqx",
      kind: "sentiment",
      ...known(variety_code, listed),
      reportDate: date,
      values: {
        ...{ name: listed?.name ?? variety_name, sector: listed?.sector ?? null },
        ...numbers,
        main_sentiment: SENTIMENTS[numbers.more_port],
      },
    };
  });
}

/** A code that nobody here knows keeps it; its name may tell where it is traded. */
function known(code: string, listed: ListedVariety | undefined): Product {
  const { exchange, product } = productOf(code);
  return { exchange: exchange ?? findProduct(listed?.name ?? "")?.exchange ?? null, product };
}

function refuseUnsuccessful(reply: SourceReply): void {
  const { success, errCode, errDesc } = reply.as(envelope);
  if (!success) throw reply.refusal(String(errCode ?? "none"), errDesc ?? "");
}

/** A list of varieties alone may say `code` and `name`. */
function fullNames(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const short = { ...value };
  return {
    ...("code" in short ? { variety_code: short.code } : {}),
    ...("name" in short ? { variety_name: short.name } : {}),
    ...short,
  };
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
