import { z } from "zod";
import type { MarketReport, ReportValue } from "@/domain/ports/market_source.ts";
import { decimal, neededDecimal, optionalDecimal, optionalText, text } from "./market_numbers.ts";
import { exchangeOf, findProduct, type Product, productOf, readContract } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

const envelope = z.object({
  code: z.union([z.number(), z.string()]).transform(String),
  msg: optionalText(),
});

/** The site's answers carry code 0; PHP writes an empty object as an empty list. */
function resultOf<T>(reply: SourceReply, schema: z.ZodType<{ data: T }>): T {
  const { code, msg } = reply.as(envelope);
  if (code !== "0") throw reply.refusal(code, msg ?? "");
  return reply.as(schema).data;
}

/** `参数错误或数据不存在`, with code 1: the site has nothing for the day, or has never had. */
export function hasNothing(reply: SourceReply): boolean {
  const { code, msg } = reply.as(envelope);
  return code === "1" && /数据不存在|(?:暂无|没有)数据/.test(msg ?? "");
}

const varieties = z.object({
  data: z.array(z.object({ market: text(), name: text(), symbol: text() })),
});

/** The site's own directory of products. */
export interface Varieties {
  /** By the site's name of a product. */
  named(name: string): Product;
  /** The site's name of a code. */
  nameOf(code: string): string | undefined;
}

export function parseVarieties(reply: SourceReply): Varieties {
  const list = resultOf(reply, varieties);
  const byName = new Map(list.map(({ market, name, symbol }): [string, Product] => {
    const product = symbol.toUpperCase();
    // The site counts INE's contracts to its owner.
    const known = findProduct(product)?.exchange;
    return [name, { exchange: known ?? exchangeOf(market) ?? market, product }];
  }));
  const names = new Map(list.map(({ name, symbol }) => [symbol.toUpperCase(), name]));
  return {
    named: (name) => byName.get(name) ?? productOf(name),
    nameOf: (code) => names.get(code.toUpperCase()),
  };
}

const warehouse = z.object({
  data: z.array(z.object({
    name: text(),
    ...{ wr_unit: decimal(), total_vol: neededDecimal(), total_chge: optionalDecimal() },
    ...{ total_vol2: optionalDecimal(), total_chge2: optionalDecimal() },
    chge_rate: optionalDecimal(),
  })),
});

export interface Named {
  readonly varieties: Varieties;
  readonly date: string;
}

/** Warehouse receipts by product. */
export function parseWarehouse(reply: SourceReply, { varieties, date }: Named): MarketReport[] {
  return resultOf(reply, warehouse).map(({ name, ...numbers }) => ({
    source: "jiaoyikecha",
    kind: "warehouse",
    ...varieties.named(name),
    reportDate: date,
    values: { name, ...numbers },
  }));
}

const contracts = z.object({ data: z.array(z.object({ code: text(), value: optionalDecimal() })) });

/**
 * The main contract of each variety, the one with the most money in it, as the site writes them
 * (`rb2701`); those with the most money first. Indexes and whatever else it lists beside contracts are
 * none.
 */
export function parseMainContracts(reply: SourceReply, { nameOf }: Varieties): string[] {
  const byValue = resultOf(reply, contracts).toSorted((a, b) => moneyIn(b) - moneyIn(a));
  const mains = new Map<string, string>();
  for (const { code } of byValue) {
    const letters = readContract(code)?.letters;
    if (letters === undefined || nameOf(letters) === undefined || mains.has(letters)) continue;
    mains.set(letters, code);
  }
  return [...mains.values()];
}

/** To order by alone. */
function moneyIn({ value }: { readonly value: string | null }): number {
  return Number(value ?? 0);
}

const scores = {
  longhu: z.object({ data: z.array(z.object({ name: text(), code: text(), longhu: decimal() })) }),
  niuxiong: z.object({
    data: z.array(z.object({ name: text(), code: text(), niuxiong: decimal() })),
  }),
};

/** Values of a contract that one of the site's lists gives; several lists make one report. */
export interface ContractValues {
  readonly code: string;
  readonly name: string;
  readonly values: Readonly<Record<string, ReportValue>>;
}

/** 龙虎: how far the large houses lean to one side. */
export function parseLonghu(reply: SourceReply): ContractValues[] {
  return resultOf(reply, scores.longhu).map(({ code, name, ...values }) => ({
    code,
    name,
    values,
  }));
}

/** 牛熊: how bullish the site calls a contract. */
export function parseNiuxiong(reply: SourceReply): ContractValues[] {
  return resultOf(reply, scores.niuxiong).map(({ code, name, ...values }) => ({
    ...{ code, name, values },
  }));
}

const house = {
  broker: text(),
  grade: optionalText(),
  net_position: decimal(),
};

const positions = z.object({
  data: z.union([
    z.array(z.never()).length(0).transform(() => undefined),
    z.object({
      buy: z.array(z.object({ ...house, buy: neededDecimal(), buy_chge: decimal() })),
      ss: z.array(z.object({ ...house, ss: neededDecimal(), ss_chge: decimal() })).optional(),
      ...{ total_buy: optionalDecimal(), total_ss: optionalDecimal() },
    }),
  ]),
});

/** The houses with the largest positions in a contract; undefined for a day without a ranking. */
export function parseRanking(
  reply: SourceReply,
  { code, name }: { readonly code: string; readonly name: string },
): ContractValues | undefined {
  const data = resultOf(reply, positions);
  if (data === undefined) return undefined;
  const { buy, ss = [], total_buy, total_ss } = data;
  const long = buy.map(({ broker, grade, net_position, ...one }) => ({
    ...{ broker, grade, position: one.buy, change: one.buy_chge, net_position },
  }));
  const short = ss.map(({ broker, grade, net_position, ...one }) => ({
    ...{ broker, grade, position: one.ss, change: one.ss_chge, net_position },
  }));
  return { code, name, values: { long, short, total_long: total_buy, total_short: total_ss } };
}

const holdings = z.object({
  data: z.object({
    positions: z.union([
      z.array(z.never()).length(0).transform(() => ({})),
      z.record(
        z.string(),
        z.array(z.object({
          code: text(),
          ...{ buy: decimal(), ss: decimal(), buy_chge: decimal(), ss_chge: decimal() },
        })),
      ),
    ]),
  }),
});

/** What one house holds, contract by contract. */
export function parseHoldings(reply: SourceReply, broker: string): ContractValues[] {
  const byName: Readonly<Record<string, readonly Holding[]>> = resultOf(reply, holdings).positions;
  return Object.entries(byName).flatMap(([name, list]) =>
    list.map(({ code, buy, ss, buy_chge, ss_chge }) => ({
      code,
      name,
      values: {
        [`broker:${broker}`]: {
          long: buy,
          long_change: buy_chge,
          short: ss,
          short_change: ss_chge,
        },
      },
    }))
  );
}

interface Holding {
  readonly code: string;
  readonly buy: string | null;
  readonly ss: string | null;
  readonly buy_chge: string | null;
  readonly ss_chge: string | null;
}

/** One report for each contract with everything that was said of it. */
export function contractReports(
  kind: "sentiment" | "position_ranking",
  list: readonly ContractValues[],
  { varieties, date }: Named,
): MarketReport[] {
  const reports = new Map<string, MarketReport>();
  for (const { code, name, values } of list) {
    const contract = readContract(code)?.contract ?? code.toUpperCase();
    const before = reports.get(contract)?.values;
    reports.set(contract, {
      ...{ source: "jiaoyikecha", kind, ...varieties.named(name), contract, reportDate: date },
      values: { name, ...before, ...values },
    });
  }
  return [...reports.values()];
}
