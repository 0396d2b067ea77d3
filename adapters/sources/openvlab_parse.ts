import { z } from "zod";
import { shanghaiDate, tradingDayAt } from "@/domain/klines/trading_calendar.ts";
import { parseTime } from "@/domain/klines/time.ts";
import type { MarketReport } from "@/domain/ports/market_source.ts";
import { decimal, nullableText, optionalText, plainDecimal, text } from "./market_numbers.ts";
import { type Product, productOf } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

const SHANGHAI_MS = 8 * 3_600_000;
/** The site's ways to say that there is no volatility. Changes of open interest may well be −100. */
const NO_VOLATILITY: readonly string[] = ["-100", "-200", "-300"];

/** An implied or realised volatility, null where there is none. */
export function volatility(): z.ZodType<string | null> {
  return decimal({ sentinels: NO_VOLATILITY });
}

/** The same inside a nested list or text. */
export function nestedVolatility(value: unknown): string | null | undefined {
  const plain = nestedDecimal(value);
  return typeof plain === "string" && NO_VOLATILITY.includes(plain) ? null : plain;
}

const envelope = z.object({
  code: z.union([z.number(), z.string()]).transform(String),
  message: optionalText(),
});

/** Fails as what the envelope says; `schema` reads the whole answer. */
export function openvlabResult<T>(reply: SourceReply, schema: z.ZodType<{ result: T }>): T {
  const { code, message } = reply.as(envelope);
  if (code !== "0") throw reply.refusal(code, message ?? "");
  return reply.as(schema).result;
}

/**
 * Time of Shanghai, whatever zone is written behind it: the site writes `Z` after local times. Null
 * for what was never quoted.
 */
export function quoteTime(): z.ZodType<number | null> {
  return nullableText().transform((value, context) => {
    if (value === null || plainDecimal(value) === null) return null;
    const at = parseTime(value.replace(/(?:Z|[+-]\d\d:?\d\d)$/, ""));
    if (at !== undefined) return at - SHANGHAI_MS;
    context.addIssue({ code: "custom", message: "expected a time" });
    return z.NEVER;
  });
}

const exchangeList = z.object({
  result: z.array(z.object({ exchange: text(), exchange_name: text() })),
});

/** What the site calls the exchanges at home: `中金所` of `CFFEX`. */
export function parseExchanges(reply: SourceReply): ReadonlyMap<string, string> {
  const list = openvlabResult(reply, exchangeList);
  return new Map(list.map(({ exchange, exchange_name }) => [exchange, exchange_name]));
}

interface MapContext {
  readonly date: string;
  readonly exchanges: ReadonlyMap<string, string>;
}

const row = z.object({
  prodUnd: text(),
  exchange: text(),
  is_overseas: z.union([z.string(), z.number()]).transform(String),
  product_alias: nullableText(),
  sector: nullableText(),
  sector_alias: nullableText(),
  product: nullableText(),
  exp: nullableText(),
  expiry_date: nullableText(),
  last_time: quoteTime(),
  price: decimal(),
  atmv_current: volatility(),
  atmv_percentile: decimal(),
  atmv_1dchg: decimal(),
  skew_current: decimal(),
  skew_percentile: decimal(),
  skew_1dchg: decimal(),
  rv22: volatility(),
  carry: decimal(),
  ctn: decimal(),
  frontfwd_mom: decimal(),
  valphaT: decimal(),
});

const map = z.object({ result: z.array(row) });

/** Implied volatility of each product's front month, China's and abroad. */
export function parseVolatilityMap(
  reply: SourceReply,
  { date, exchanges }: MapContext,
): MarketReport[] {
  return openvlabResult(reply, map).map((one) => {
    const { prodUnd, exchange, is_overseas, last_time, product_alias, ...values } = one;
    const abroad = is_overseas === "1";
    return {
      source: "openvlab",
      kind: "volatility",
      // Codes abroad mean other things here: SI is silver there and silicon in Guangzhou.
      product: abroad ? `${exchange}.${prodUnd}`.toUpperCase() : prodUnd.toUpperCase(),
      exchange,
      reportDate: last_time === null ? date : (abroad ? shanghaiDate : tradingDayAt)(last_time),
      values: {
        ...{ name: product_alias, exchange_name: exchanges.get(exchange) ?? null },
        ...{ last_time: localTime(last_time), ...values },
      },
    };
  });
}

const history = z.object({
  result: z.object({
    data: z.array(z.tuple([z.union([z.string(), z.number()]), volatility()], decimal())),
  }),
});

/** At-the-money volatility day by day, of a contract or an underlying. */
export function parseVolatilityHistory(reply: SourceReply, symbol: string): MarketReport[] {
  const letters = /^[A-Za-z]+/.exec(symbol)?.[0] ?? symbol;
  return openvlabResult(reply, history).data.map(([day, value]) => {
    const at = parseTime(day);
    if (at === undefined) throw reply.fail("invalid", `${reply.op} names a day that is none`);
    const isDate = typeof day === "string" && day.includes("-");
    return {
      source: "openvlab",
      kind: "daily",
      ...productOf(letters),
      contract: symbol.toUpperCase(),
      reportDate: isDate ? new Date(at).toISOString().slice(0, 10) : shanghaiDate(at),
      values: { atm_volatility: value },
    };
  });
}

/** Contracts of futures go by their month (`EG2610`), those of funds by code and month. */
export function expiryContract(product: Product, exp: string): string {
  return /^[A-Z]+$/.test(product.product)
    ? `${product.product}${exp.slice(-4)}`
    : `${product.product}-${exp}`;
}

/** `2026-09-08 11:30:00` in Shanghai. */
export function localTime(epochMs: number | null): string | null {
  if (epochMs === null) return null;
  return new Date(epochMs + SHANGHAI_MS).toISOString().slice(0, 19).replace("T", " ");
}

/** A number inside a nested list or text. */
export function nestedDecimal(value: unknown): string | null | undefined {
  const isPlain = typeof value === "string" || typeof value === "number" || value === null;
  return isPlain ? plainDecimal(value) : undefined;
}
