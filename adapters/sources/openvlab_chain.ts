import { z } from "zod";
import { tradingDayAt } from "@/domain/klines/trading_calendar.ts";
import type { MarketReport, ReportValue } from "@/domain/ports/market_source.ts";
import { decimal, nullableText, plainDecimal, text } from "./market_numbers.ts";
import { localTime, openvlabResult, quoteTime, volatility } from "./openvlab_parse.ts";
import type { Product } from "./products.ts";
import type { SourceReply } from "./source_reply.ts";

const option = z.object({
  cc: nullableText(),
  ...{ b: decimal(), a: decimal(), l: decimal(), p: decimal(), c: decimal() },
  ...{ v: decimal(), o: decimal(), f: decimal(), t: decimal() },
  ...{ iv: volatility(), iv_bid: volatility(), iv_ask: volatility() },
  ...{ de: decimal(), ga: decimal(), ve: decimal(), th: decimal() },
}).transform((one) => ({
  code: one.cc,
  ...{ bid: one.b, ask: one.a, last: one.l, previous: one.p, change: one.c },
  ...{ volume: one.v, open_interest: one.o, forward: one.f, theoretical: one.t },
  ...{ iv: one.iv, iv_bid: one.iv_bid, iv_ask: one.iv_ask },
  ...{ delta: one.de, gamma: one.ga, vega: one.ve, theta: one.th },
}));

const future = z.object({
  s: text(),
  n: nullableText(),
  ua: quoteTime(),
  ...{ l: decimal(), p: decimal(), b: decimal(), a: decimal(), v: decimal(), o: decimal() },
  x: decimal(),
});

const options = z.object({
  exp: nullableText(),
  fwd: decimal(),
  s: z.record(z.string(), z.object({ c: option.optional(), p: option.optional() })),
});

const chain = z.object({
  result: z.object({
    context: z.object({
      r: z.record(z.string(), decimal()).optional(),
      i: z.object({ i: z.array(future), c: z.record(z.string(), options).optional() }),
    }),
  }),
});

/** A product's futures, each with its quotes and the options on it. */
export function parseOptionChain(
  reply: SourceReply,
  { product, date }: { readonly product: Product; readonly date: string },
): MarketReport[] {
  const { r: rates = {}, i: { i: futures, c: chains = {} } } = openvlabResult(reply, chain).context;
  return futures.map((one) => ({
    source: "openvlab",
    kind: "structure",
    ...product,
    contract: one.s.toUpperCase(),
    reportDate: one.ua === null ? date : tradingDayAt(one.ua),
    values: {
      ...{ name: one.n, updated_at: localTime(one.ua), multiplier: one.x },
      ...{ last: one.l, previous: one.p, bid: one.b, ask: one.a },
      ...{ volume: one.v, open_interest: one.o },
      ...(chains[one.s] === undefined ? {} : { rates, options: optionValues(chains[one.s]) }),
    },
  }));
}

function optionValues(given: z.infer<typeof options> | undefined): ReportValue {
  if (given === undefined) return null;
  const strikes = Object.entries(given.s).map(([strike, { c, p }]) => ({
    strike: plainDecimal(strike) ?? strike,
    call: c ?? null,
    put: p ?? null,
  }));
  return { expiry: given.exp, forward: given.fwd, strikes };
}
