import type { Clock } from "@/domain/ports/clock.ts";
import type { Credential, MarketSource } from "@/domain/ports/market_source.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import type { PageReader } from "@/domain/ports/page_reader.ts";
import { createFounderfu } from "./founderfu.ts";
import { createHzzhqx } from "./hzzhqx.ts";
import { createJiaoyikecha } from "./jiaoyikecha.ts";
import { createOpenvlab } from "./openvlab.ts";
import { createPageSource } from "./page_source.ts";
import { createSina } from "./sina.ts";
import type { Fetch } from "./source_http.ts";

export interface SourceAccess {
  readonly token?: Credential | undefined;
  readonly cookie?: Credential | undefined;
  readonly selectors?: string | undefined;
}

export interface SourcesOptions {
  readonly clock: Clock;
  /** Source → URL that takes the place of its site. */
  readonly urls?: Readonly<Partial<Record<SourceName, string>>> | undefined;
  readonly access?: Readonly<Partial<Record<SourceName, SourceAccess>>> | undefined;
  /** Draws pages; without one the page sources are not configured. */
  readonly pages?: PageReader | undefined;
  readonly intervalMs?: number | undefined;
  readonly fetch?: Fetch | undefined;
}

/** Every source of the futures desk, each with its own limiter. Nothing is asked yet. */
export function openSources(options: SourcesOptions): ReadonlyMap<SourceName, MarketSource> {
  return new Map(SOURCE_NAMES.map((name) => [name, openSource(name, options)]));
}

function openSource(name: SourceName, options: SourcesOptions): MarketSource {
  const { urls = {}, access = {}, pages, ...shared } = options;
  const settings = { ...shared, ...access[name], baseUrl: urls[name] };
  switch (name) {
    case "hzzhqx":
      return createHzzhqx(settings);
    case "jiaoyikecha":
      return createJiaoyikecha(settings);
    case "openvlab":
      return createOpenvlab(settings);
    case "founderfu":
      return createFounderfu(settings);
    case "sina":
      return createSina(settings);
    case "rongda":
    case "rongda2":
      return createPageSource(name, { ...settings, pages });
  }
}
