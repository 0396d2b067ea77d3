import type { BrowserContextOptions } from "puppeteer-core";
import { proxyFor, type ProxySettings } from "@/adapters/exchange/proxy.ts";

/** How a browser goes to a page: through the proxy of the settings, or straight. */
export function contextProxy(url: URL, settings: ProxySettings): BrowserContextOptions {
  const proxy = proxyFor(url, settings);
  if (proxy === undefined) return {};
  return { proxyServer: new URL(proxy).origin, proxyBypassList: bypassed(settings.noProxy) };
}

/** An entry names a host and all below it; a browser wants both said. */
function bypassed(noProxy = ""): string[] {
  return noProxy.split(",").map((entry) => entry.trim().replace(/^\*?\./, ""))
    .filter((entry) => entry !== "").flatMap((entry) => [entry, `*.${entry}`]);
}
