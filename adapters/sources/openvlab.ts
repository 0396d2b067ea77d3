import { z } from "zod";
import { DAY_MS } from "@/domain/klines/interval.ts";
import type { MarketReport, MarketSource } from "@/domain/ports/market_source.ts";
import { askEach, partsOf } from "./ask_each.ts";
import { parseOptionChain } from "./openvlab_chain.ts";
import { parseExchanges, parseVolatilityHistory, parseVolatilityMap } from "./openvlab_parse.ts";
import { parseVolatilitySurface } from "./openvlab_surface.ts";
import { type Product, productOf } from "./products.ts";
import { MOST_PICKED, readSelectors } from "./selectors.ts";
import { sourceAnswer } from "./source_answer.ts";
import { createSourceHttp } from "./source_http.ts";
import type { SourceReply } from "./source_reply.ts";
import type { SourceSettings } from "./source_settings.ts";

const underlyings = z.array(z.string().regex(/^[A-Za-z0-9]{1,12}$/)).default([]);

/** `{"surfaces":["EG"],"chains":["CS"],"history":["SC2611"]}`; unset the map alone is crawled. */
const selection = z.strictObject({
  surfaces: underlyings,
  chains: underlyings,
  history: underlyings,
}).refine(
  ({ surfaces, chains, history }) =>
    surfaces.length + chains.length + history.length <= MOST_PICKED,
  `expected at most ${MOST_PICKED} in all: the site is asked once a second`,
);

const HISTORY_DAYS = 365;
/** Days that are held and asked for again: the newest ones may have been corrected. */
const AGAIN_DAYS = 10;
const MAP_PATH = "/api/ctamap-all";

/** OpenVLab: implied volatilities of options on futures, indexes and funds. */
export function createOpenvlab(settings: SourceSettings): MarketSource {
  const { token, cookie } = settings;
  const http = createSourceHttp({
    ...settings,
    source: "openvlab",
    home: "https://www.openvlab.cn",
    headers: {
      accept: "application/json",
      referer: "https://www.openvlab.cn/market",
      ...(token === undefined ? {} : { authorization: token.reveal() }),
      ...(cookie === undefined ? {} : { cookie: cookie.reveal() }),
    },
    secrets: [token, cookie],
    loginHint: "SOURCE_OPENVLAB_COOKIE is the cookie of a browser that is logged in",
  });

  return {
    name: "openvlab",
    missing: [],
    async fetch({ date, signal, until, heldDailies }) {
      const picked = readSelectors("openvlab", settings.selectors, selection);
      const replies: SourceReply[] = [];
      const ask = async (path: string, query: Readonly<Record<string, string>> = {}) => {
        const reply = await http.ask({ path, query, signal });
        replies.push(reply);
        return reply;
      };

      const exchanges = parseExchanges(await ask("/api/exchange-info"));
      const map = await ask(MAP_PATH, { add_overseas: "true" });
      const rows = parseVolatilityMap(map, { date, exchanges });
      const products = knownProducts(rows);
      const asking = { source: "openvlab", clock: settings.clock, signal, until } as const;
      const to = Date.parse(`${date}T00:00:00+08:00`) + DAY_MS;
      const parts = [
        ...partsOf(picked.surfaces, async (code) => {
          const reply = await ask(`/api/volatility-surface/${code}`);
          rows.push(...parseVolatilitySurface(reply, { product: products(code), date }));
        }),
        ...partsOf(picked.chains, async (code) => {
          rows.push(
            ...parseOptionChain(await ask(`/api/dto/${code}`), { product: products(code), date }),
          );
        }),
        ...partsOf(picked.history, async (symbol) => {
          const reply = await ask("/api/history-atmvol", {
            ...{ symbol, resolution: "1D", to: String(to / 1_000) },
            from: String(historyFrom(to, heldDailies?.get(symbol.toUpperCase())) / 1_000),
          });
          rows.push(...parseVolatilityHistory(reply, symbol));
        }),
      ];
      const failures = await askEach(parts, asking);
      return sourceAnswer(replies, { rows, failures });
    },
  };
}

/** A year before the end (epoch ms), or a few days before what is held. */
function historyFrom(to: number, newest: string | undefined): number {
  const year = to - HISTORY_DAYS * DAY_MS;
  if (newest === undefined) return year;
  const again = Date.parse(`${newest}T00:00:00+08:00`) - AGAIN_DAYS * DAY_MS;
  return Math.max(year, Math.min(again, to - AGAIN_DAYS * DAY_MS));
}

/** Funds belong to no futures exchange: the map knows where they trade. */
function knownProducts(rows: readonly MarketReport[]): (code: string) => Product {
  const byCode = new Map(rows.map(({ exchange, product }) => [product, { exchange, product }]));
  return (code) => byCode.get(code.toUpperCase()) ?? productOf(code);
}
