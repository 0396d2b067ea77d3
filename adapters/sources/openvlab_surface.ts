import { z } from "zod";
import { tradingDayAt } from "@/domain/klines/trading_calendar.ts";
import type { MarketReport, ReportValue } from "@/domain/ports/market_source.ts";
import { parseExactJson } from "./exact_json.ts";
import { decimal, nullableText, text } from "./market_numbers.ts";
import {
  expiryContract,
  localTime,
  nestedDecimal,
  nestedVolatility,
  openvlabResult,
  quoteTime,
  volatility,
} from "./openvlab_parse.ts";
import type { Product } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

/** JSON inside a text of JSON; left out or empty it is nothing. */
function nested<T>(read: (value: unknown) => T | undefined, expected: string): z.ZodType<T | null> {
  return z.union([z.string(), z.null()], `expected ${expected} as text`).optional()
    .transform((value, context) => {
      if (value === undefined || value === null || value.trim() === "") return null;
      const result = read(parsed(value));
      if (result !== undefined) return result;
      context.addIssue({ code: "custom", message: `expected ${expected} as text` });
      return z.NEVER;
    });
}

function parsed(value: string): unknown {
  try {
    return parseExactJson(value);
  } catch {
    return undefined;
  }
}

type Pair = readonly [at: string, value: string | null];

/** `[[5100.0, ""], [5700.0, 46.0467]]`: by strike or price, ascending as sent. */
function pairs(read: typeof nestedDecimal = nestedDecimal) {
  return nested((value): readonly Pair[] | undefined => {
    if (!Array.isArray(value)) return undefined;
    const all = value.map((one: unknown) => pair(one, read));
    return all.every((one) => one !== undefined) ? all : undefined;
  }, "a list of pairs");
}

function pair(value: unknown, read: typeof nestedDecimal): Pair | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [at, number] = [nestedDecimal(value[0]), read(value[1])];
  return typeof at !== "string" || number === undefined ? undefined : [at, number];
}

/** `{"5100.0": -1}`: by strike. */
function byStrike() {
  return nested((value): Readonly<Record<string, string | null>> | undefined => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const read = Object.entries(value).map(([strike, one]) => [
      nestedDecimal(strike),
      nestedDecimal(one),
    ]);
    return read.every(([strike, one]) => typeof strike === "string" && one !== undefined)
      ? Object.fromEntries(read)
      : undefined;
  }, "numbers by strike");
}

/** `[5300.0, 6300.0]`. */
function bounds() {
  return nested((value): readonly string[] | undefined => {
    const read = Array.isArray(value) ? value.map(nestedDecimal) : [];
    return read.length === 2 && read.every((one) => typeof one === "string") ? read : undefined;
  }, "two numbers");
}

const volatilities = () => pairs(nestedVolatility);

const lists = {
  ...{ trading_strike: bounds(), display_strike: bounds() },
  ...{ mktvol_tday_call_bid: volatilities(), mktvol_tday_call_ask: volatilities() },
  ...{ mktvol_tday_put_bid: volatilities(), mktvol_tday_put_ask: volatilities() },
  ...{ theovol_tday: volatilities(), theovol_yday: volatilities() },
  ...{ delta_tday_call: pairs(), delta_tday_put: pairs(), pdf_list: pairs() },
  ...{ strike_oid_c: byStrike(), strike_oid_p: byStrike() },
  ...{ strike_poi_c: byStrike(), strike_poi_p: byStrike() },
};

const expiry = z.object({
  ...lists,
  exp: text(),
  expiry_date: nullableText(),
  prior_date: nullableText(),
  last_time: quoteTime(),
  ...{ days_to_expiry: decimal(), maturity_tday: decimal(), maturity_yday: decimal() },
  ...{ forward_td: decimal(), forward_yd: decimal() },
  ...{
    atmvol_tday: volatility(),
    atmvol_yday: volatility(),
    rho_tday: decimal(),
    rho_yday: decimal(),
  },
  ...{ valphaT: decimal(), move_up: decimal(), move_dn: decimal(), is_ready_fit: decimal() },
  ...{ sum_oi_call: decimal(), sum_oi_put: decimal() },
  ...{ sum_poi_call: decimal(), sum_poi_put: decimal() },
});

/** Without these a month that the site has fitted would say nothing. */
const FITTED = [
  "mktvol_tday_call_bid",
  "mktvol_tday_call_ask",
  "mktvol_tday_put_bid",
  "mktvol_tday_put_ask",
  "theovol_tday",
] as const;

const fittedExpiry = expiry.check(({ value, issues }) => {
  if (value.is_ready_fit !== "1") return;
  for (const name of FITTED.filter((one) => value[one] === null)) {
    issues.push({
      code: "custom",
      input: value,
      path: [name],
      message: "expected a list of pairs",
    });
  }
});

const surface = z.object({ result: z.record(z.string(), fittedExpiry) });

/** A product's volatility surface, a report for each expiry month. */
export function parseVolatilitySurface(
  reply: SourceReply,
  { product, date }: { readonly product: Product; readonly date: string },
): MarketReport[] {
  return Object.values(openvlabResult(reply, surface)).map(({ exp, last_time, ...values }) => ({
    source: "openvlab",
    kind: "volatility",
    ...product,
    contract: expiryContract(product, exp),
    // Months that nobody traded today are as old as they say.
    reportDate: last_time === null ? date : tradingDayAt(last_time),
    values: { exp, last_time: localTime(last_time), ...given(values) },
  }));
}

/** Lists that were left out stay out: a far month has no quotes at all. */
function given(values: Readonly<Record<string, ReportValue>>): Record<string, ReportValue> {
  const kept = Object.entries(values).filter(([name, value]) =>
    value !== null || !Object.hasOwn(lists, name)
  );
  return Object.fromEntries(kept);
}
