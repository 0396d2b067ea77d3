import type { AlertChannel } from "@/domain/ports/alert_channel.ts";
import { parseAlertUrl } from "@/domain/ports/alert_target.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Exchanges } from "@/domain/ports/exchange.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Credential, MarketSource } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { openAlertChannel } from "./alerts/channel.ts";
import { type BrowserChoice, openBrowserPool } from "./browser/open_browser_pool.ts";
import { createPageReader } from "./browser/page_reader.ts";
import { openExchanges } from "./exchange/exchanges.ts";
import type { ProxySettings } from "./proxy.ts";
import { createProxiedFetch } from "./proxied_fetch.ts";
import { openSources, type SourceAccess } from "./sources/sources.ts";
import type { TempFolder } from "./temp_folder.ts";

export interface OutsideOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly exchangeUrls: Readonly<Record<string, string>>;
  readonly exchangeIntervalMs?: number | undefined;
  readonly sourceUrls: Readonly<Partial<Record<SourceName, string>>>;
  readonly sourceAccess: Readonly<Partial<Record<SourceName, SourceAccess>>>;
  /** A demo asks no site and tells nobody, but those of `sourceUrls`. */
  readonly isDemo: boolean;
  readonly browser: BrowserChoice;
  /** For what a browser writes. */
  readonly temp: Pick<TempFolder, "path">;
  /** Of alert channels. */
  readonly alertUrls: readonly Credential[];
  /** `exchangeProxy` is for exchanges alone. */
  readonly proxy: ProxySettings;
}

/** All that this program asks or tells over the network; nothing is asked yet. */
export interface Outside {
  readonly exchanges: Exchanges;
  readonly marketSources: ReadonlyMap<SourceName, MarketSource>;
  readonly alertChannels: readonly AlertChannel[];
  close(): Promise<void>;
}

export async function openOutside(options: OutsideOptions): Promise<Outside> {
  const { clock, log, proxy, sourceUrls: urls, sourceAccess: access, isDemo } = options;
  const exchanges = openExchanges({
    ...{ clock, log, proxy, urls: options.exchangeUrls, intervalMs: options.exchangeIntervalMs },
  });
  const general: ProxySettings = { ...proxy, exchangeProxy: undefined };
  const proxied = createProxiedFetch(general);
  const directory = `${options.temp.path}/browser`;
  const pool = await openBrowserPool({ ...options.browser, directory, log });
  const pages = pool === undefined ? undefined : createPageReader({ pool, proxy: general });
  const sources = openSources({ clock, urls, access, pages, fetch: proxied.fetch });
  return {
    exchanges,
    marketSources: new Map(
      [...sources].filter(([name]) => !isDemo || urls[name] !== undefined),
    ),
    alertChannels: (isDemo ? [] : options.alertUrls).map((url) =>
      openAlertChannel(parseAlertUrl(url.reveal()), { clock, proxy: general })
    ),
    async close() {
      proxied.close();
      await pool?.close();
      await exchanges.close();
    },
  };
}
