import type { Fetch } from "@/adapters/sources/source_http.ts";
import { openSources, type SourceAccess } from "@/adapters/sources/sources.ts";
import type { MarketSource, SourceAnswer } from "@/domain/ports/market_source.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import { leapingClock } from "./fake_clock.ts";
import {
  createSites,
  fetchFrom,
  SITE_URLS,
  type SiteOptions,
  type SourceSites,
} from "./source_server.ts";
import { tablePageReader } from "./table_page_reader.ts";

export const SELECTORS = {
  openvlab: '{"surfaces":["EG"],"chains":["CS"],"history":["EG2610"]}',
  jiaoyikecha: '{"brokers":["国泰君安"]}',
  page: JSON.stringify({
    rows: "tr.product",
    columns: {
      ...{ variety: "td.variety", structure: "td.structure" },
      ...{ strength: "td.strength", spread: "td.spread" },
    },
    ...{ empty: "p.empty", login: "form.login" },
  }),
};

/** A secret as the configuration holds it. */
export function credential(value: string): { reveal(): string } {
  return { reveal: () => value };
}

export const TOKEN = "tok-31415926";
export const COOKIE = "remember=cookie-2718281828";

export interface OpenSites {
  readonly sources: ReadonlyMap<SourceName, MarketSource>;
  readonly sites: SourceSites;
  /** How long each request waited for its turn. */
  readonly slept: readonly number[];
}

/** Every source with everything it can crawl, on sites without a network and a clock that leaps. */
export function openSites(
  { now = Date.parse("2026-09-08T09:30:00Z"), access: given = {}, between, ...options }:
    & SiteOptions
    & {
      now?: number;
      access?: Partial<Record<SourceName, SourceAccess>>;
      /** Stands between the sources and the sites. */
      between?: (fetch: Fetch) => Fetch;
    } = {},
): OpenSites {
  const sites = createSites(options);
  const clock = leapingClock(now);
  const direct = fetchFrom(sites);
  const fetch = between?.(direct) ?? direct;
  const access = { token: credential(TOKEN), cookie: credential(COOKIE) };
  const sources = openSources({
    ...{ clock, fetch, urls: SITE_URLS, pages: tablePageReader(fetch) },
    access: {
      hzzhqx: access,
      founderfu: access,
      sina: access,
      openvlab: { ...access, selectors: SELECTORS.openvlab },
      jiaoyikecha: { ...access, selectors: SELECTORS.jiaoyikecha },
      rongda: { ...access, selectors: SELECTORS.page },
      rongda2: { ...access, selectors: SELECTORS.page },
      ...given,
    },
  });
  return { sources, sites, slept: clock.slept };
}

export function sourceOf({ sources }: OpenSites, name: SourceName): MarketSource {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`no source ${name}`);
  return source;
}

/** What a crawl failed with, as a whole or in its first part that did; undefined if in none. */
export async function failureIn(crawling: Promise<SourceAnswer>): Promise<unknown> {
  return await crawling.then(({ failures: [first] }) => first?.error, (error: unknown) => error);
}

export const ALL_SOURCES: readonly SourceName[] = SOURCE_NAMES;
