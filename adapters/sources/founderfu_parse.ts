import { z } from "zod";
import type { MarketReport } from "@/domain/ports/market_source.ts";
import { nullableText, optionalText, text } from "./market_numbers.ts";
import { productOf, readContract } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

/** The site's two lists a day, and what their values are called in a report. */
export const OPENINGS = { 早盘提示: "morning", 夜盘提示: "night" } as const;

export type Opening = keyof typeof OPENINGS;

const envelope = z.object({
  code: z.union([z.number(), z.string()]).transform(String),
  msg: optionalText(),
});

const item = z.object({
  breeds: nullableText(),
  smallbreeds: nullableText(),
  smallbreedscode: text(),
  ratingforecast: text(),
});

const answer = z.object({
  data: z.object({
    manyList: z.array(item).nullable(),
    shortList: z.array(item).nullable(),
  }).nullable(),
});

/** One list, read: a product's direction and rating before an opening. */
export interface Rating {
  readonly opening: Opening;
  readonly direction: "long" | "short";
  readonly code: string;
  readonly name: string | null;
  readonly sector: string | null;
  readonly rating: string;
}

/** Empty where the list is not out yet. */
export function parseRatings(reply: SourceReply, opening: Opening): Rating[] {
  const { code, msg } = reply.as(envelope);
  if (code !== "200") throw reply.refusal(code, msg ?? "");
  const { data } = reply.as(answer);
  const lists = { long: data?.manyList ?? [], short: data?.shortList ?? [] };
  return (["long", "short"] as const).flatMap((direction) =>
    lists[direction].map((one) => ({
      opening,
      direction,
      code: one.smallbreedscode,
      name: one.smallbreeds,
      sector: one.breeds,
      rating: one.ratingforecast,
    }))
  );
}

/**
 * One report for each product and day with what both lists say of it, so that the evening's crawl
 * keeps the morning's values. What a list says twice in other words stays two reports.
 */
export function ratingReports(ratings: readonly Rating[], date: string): MarketReport[] {
  const reports = new Map<string, MarketReport[]>();
  const distinct = new Map(ratings.map((rating) => [JSON.stringify(rating), rating]));
  for (const rating of distinct.values()) {
    const same = reports.get(rating.code.toUpperCase()) ?? [];
    reports.set(rating.code.toUpperCase(), same);
    const values = valuesOf(rating);
    const free = same.find((report) =>
      report.values[`${OPENINGS[rating.opening]}_rating`] === null
    );
    if (free === undefined) same.push(reportOf(rating, date));
    else same[same.indexOf(free)] = { ...free, values: { ...free.values, ...values } };
  }
  return [...reports.values()].flat();
}

function reportOf(rating: Rating, date: string): MarketReport {
  const contract = readContract(rating.code);
  return {
    source: "founderfu",
    kind: "rating",
    ...productOf(contract?.letters ?? rating.code),
    ...(contract === undefined ? {} : { contract: contract.contract }),
    reportDate: date,
    values: {
      ...{ name: rating.name, sector: rating.sector },
      ...{ morning_direction: null, morning_rating: null },
      ...{ night_direction: null, night_rating: null },
      ...valuesOf(rating),
    },
  };
}

function valuesOf({ opening, direction, rating }: Rating): Record<string, string> {
  const name = OPENINGS[opening];
  return { [`${name}_direction`]: direction, [`${name}_rating`]: rating };
}
