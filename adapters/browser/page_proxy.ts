import type { BrowserContextOptions } from "puppeteer-core";
import { proxyFor, type ProxySettings } from "@/adapters/proxy.ts";

/** How a browser goes to a page: through the proxy of the settings, or straight. */
export interface PageProxy {
  readonly context: BrowserContextOptions;
  readonly isProxied: boolean;
  /** For the proxy and nobody else. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
}

export function pageProxy(url: URL, settings: ProxySettings): PageProxy {
  const found = proxyFor(url, settings);
  if (found === undefined) return { context: {}, isProxied: false, credentials: undefined };
  const { protocol, host, username, password } = new URL(found);
  return {
    context: {
      proxyServer: `${protocol}//${host}`,
      proxyBypassList: bypassed(settings.noProxy),
    },
    isProxied: true,
    credentials: username === ""
      ? undefined
      : { username: decodeURIComponent(username), password: decodeURIComponent(password) },
  };
}

/** An entry names a host and all below it; a browser wants both said. */
function bypassed(noProxy = ""): string[] {
  return noProxy.split(",").map((entry) => entry.trim().replace(/^\*?\./, ""))
    .filter((entry) => entry !== "").flatMap((entry) => [entry, `*.${entry}`]);
}
